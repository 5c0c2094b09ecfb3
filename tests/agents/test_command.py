"""Arguments that `refold mcp` refuses."""

import socket
from pathlib import Path

import pytest

from refold_async.cli.program import run

ALLOW = ("--allow", "hubspot:get_contact")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--account", "a", "--http", "0", *ALLOW), "--account cannot be used with --http"),
        (ALLOW, "no account: pass --account ID"),
        (("--account", "a"), "nothing is allowed"),
        (("--account", "a", "--allow", "hubspot"), "must be SLUG:ID,ID, not 'hubspot'"),
        (("--account", "a", *ALLOW), "REFOLD_API_KEY is not set"),
        (("--account", "a", *ALLOW, "--max-bytes", "10"), "--max-bytes"),
        (("--account", "a", *ALLOW, "--writes", "yes"), "--writes"),
        (("--account", "a", *ALLOW, "--settle", "lookups"), "'lookups' is not FILE.py:NAME"),
        (("--account", "a", *ALLOW, "--settle", "no.py:SETTLE"), "no.py: FileNotFoundError"),
    ],
)
def test_refuses_what_cannot_work(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.delenv("REFOLD_API_KEY", raising=False)
    assert run(["mcp", *arguments]) == 2
    out, err = capsys.readouterr()
    assert message in " ".join(err.split())
    assert not out


@pytest.mark.parametrize(
    ("text", "message"), [("x = 1", "defines no 'SETTLE'"), ("1 / 0", "ZeroDivisionError")]
)
def test_refuses_a_file_without_look_ups(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (tmp_path / "lookups.py").write_text(f"print('loading')\n{text}")
    assert run(["mcp", "--account", "a", *ALLOW, "--settle", f"{tmp_path}/lookups.py:SETTLE"]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert not out  # which is the protocol's


def test_a_port_that_is_taken_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["mcp", *ALLOW, "--http", str(port)]) == 2
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err
