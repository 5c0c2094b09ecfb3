"""Where the key is not: in journals, outcomes, arguments of processes, and what a batch logs."""

import logging
import os
import pickle
import re
import stat
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from refold_async import Call, Failed, Journal, Outcome, Refold, Retry
from refold_async.sandbox import Fault, Sandbox, SandboxThread

KEY = "tk_very-secret-0123456789"
SECRET_PARAM = "only-in-the-parameters-4711"


def calls(number: int) -> list[Call]:
    return [
        Call(
            f"demo-user-{place}",
            "playground",
            "create_note",
            {"title": f"{SECRET_PARAM}-{place}"},
            key=f"k{place}",
        )
        for place in range(1, number + 1)
    ]


async def outcomes_of(sandbox: Sandbox, journal: Journal | None = None) -> list[Outcome]:
    async with (
        Refold(KEY, base_url=sandbox.base_url, retry=Retry(attempts=2, base=0.001)) as refold,
        refold.batch(calls(12), concurrency=4, journal=journal) as batch,
    ):
        return [outcome async for outcome in batch]


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
@pytest.mark.parametrize("umask", [0o000, 0o022])
async def test_a_journal_is_its_owners_alone_while_it_is_written(
    transport: str, tmp_path: Path, umask: int
) -> None:
    seen: dict[str, int] = {}
    before = os.umask(umask)
    try:
        async with (
            Sandbox(api_key=KEY) as sandbox,
            Refold(KEY, base_url=sandbox.base_url) as refold,
            refold.batch(calls(12), journal=tmp_path / "job", concurrency=2) as batch,
        ):
            async for _ in batch:
                seen |= modes(tmp_path)
    finally:
        os.umask(before)
    assert {"job", "job-wal"} <= set(seen)
    assert set(seen.values()) == {0o600}


@pytest.mark.parametrize("replay", [False, True])
async def test_a_journal_holds_neither_key_nor_parameters(
    transport: str, tmp_path: Path, replay: bool
) -> None:
    faults = [Fault(status=400, message=f"bad key {KEY}", probability=0.5)]
    async with Sandbox(api_key=KEY, faults=faults) as sandbox:
        await outcomes_of(sandbox, Journal(tmp_path / "job", replay=replay))
    written = content(tmp_path)
    assert b"k12" in written
    assert KEY.encode() not in written
    # A note answers with its title, which `replay` keeps as part of the result.
    assert (SECRET_PARAM.encode() in written) is replay


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=400, message=f"bad key {KEY}", code=KEY),
        Fault(status=503, message=f"bad key {KEY}"),
        Fault(node_status="Errored", data={"said": KEY}),
        Fault(garbage=KEY.encode()),
        Fault(drop="during"),
    ],
    ids=["refused", "server error", "failed action", "garbage", "cut off"],
)
async def test_outcomes_repeat_no_key(transport: str, fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with Sandbox(api_key=KEY, faults=[fault]) as sandbox:
        outcomes = await outcomes_of(sandbox)
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert len(failed) == 12
    for outcome in failed:
        shown = traceback.TracebackException.from_exception(outcome.error, capture_locals=True).format()
        for text in (repr(outcome), "".join(shown), pickle.dumps(outcome.error).decode("latin-1")):
            assert KEY not in text
    assert KEY not in caplog.text


def test_the_command_takes_no_key_as_an_argument() -> None:
    """Every user of the machine can see the arguments of a process; the sandbox's key is not a secret."""
    from click import Context

    from refold_async.cli.program import COMMANDS, program

    with Context(program) as context:
        for name in COMMANDS.keys() - {"sandbox"}:
            command = program.get_command(context, name)
            assert command is not None
            taken = {option for param in command.params for option in (param.name or "", *param.opts)}
            assert not [option for option in taken if re.search("api.?key|token|secret|password", option)]


def test_the_command_shows_no_key_when_it_fails() -> None:
    with SandboxThread(Sandbox(api_key="tk_another")) as sandbox:
        environment = {**os.environ, "REFOLD_API_KEY": KEY, "REFOLD_BASE_URL": sandbox.base_url}
        ended = _refold("actions", "hubspot", "--account", "demo-user-1", environment=environment)
    assert ended.returncode == 3
    assert KEY not in ended.stdout + ended.stderr


def _refold(*arguments: str, environment: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "refold_async.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)
