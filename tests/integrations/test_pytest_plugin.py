"""The pytest plugin as a user's project uses it: installed, and run by its own pytest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = '''
"""A user's own package: it writes contacts."""

from refold_async import Account, Refold


async def sign_up(account: Account, email: str) -> str:
    result = await account.actions.execute("hubspot", "create_contact", {"email": email})
    return result.data["id"]


async def sign_up_for(customer: str, email: str) -> str:
    async with Refold() as refold:
        return await sign_up(refold.account(customer), email)
'''

TESTS = """
import pytest
import signups
from refold_async import ActionFailed, ReconnectRequiredError, ServerError
from refold_async.sandbox import Fault

pytestmark = pytest.mark.{mark}


async def test_seeded(refold_sandbox, refold_client):
    refold_sandbox.add_account("jane", connected=["hubspot"])
    await signups.sign_up(refold_client.account("jane"), "a@example.com")
    [run] = refold_sandbox.assert_ran(
        "hubspot", "create_contact", {{"email": "a@example.com"}}, linked_account_id="jane"
    )
    assert run.ok
    refold_sandbox.assert_nothing_twice()


async def test_the_state_is_new_each_time(refold_sandbox, refold_client):
    refold_sandbox.assert_nothing_written()
    assert "jane" not in refold_sandbox.account_ids
    assert refold_sandbox.requests == []
    assert len(refold_sandbox.faults) == 0


async def test_connections_come_and_go(refold_sandbox, refold_client):
    account = refold_client.account("demo-user-1")
    refold_sandbox.expire("demo-user-1", "hubspot")
    with pytest.raises(ReconnectRequiredError):
        await signups.sign_up(account, "a@example.com")
    refold_sandbox.assert_not_ran("hubspot", "create_contact")
    refold_sandbox.connect("demo-user-1", "hubspot")
    await signups.sign_up(account, "a@example.com")


async def test_scripted_answers(refold_sandbox, refold_client):
    account = refold_client.account("demo-user-1")
    refold_sandbox.answer("hubspot", "create_contact", {{"id": "one"}}, {{"id": "two"}})
    assert [await signups.sign_up(account, f"{{n}}@example.com") for n in range(2)] == ["one", "two"]
    assert await signups.sign_up(account, "3@example.com") not in ("one", "two")
    refold_sandbox.assert_ran("hubspot", "create_contact", times=3)


async def test_scripted_faults(refold_sandbox, refold_client):
    account = refold_client.account("demo-user-1")
    refold_sandbox.answer("hubspot", "create_contact", {{}}, node_status="Errored", http_status=422)
    with pytest.raises(ActionFailed):
        await signups.sign_up(account, "a@example.com")
    fault = refold_sandbox.fail("hubspot", "create_contact", status=503)
    with pytest.raises(ServerError):
        await signups.sign_up(account, "a@example.com")
    assert refold_sandbox.faults.fired(fault) == 1


async def test_a_client_created_by_the_code(refold_sandbox, refold_environment):
    await signups.sign_up_for("demo-user-1", "a@example.com")
    refold_sandbox.assert_ran("hubspot", "create_contact", linked_account_id="demo-user-1")
"""

PLAIN = """
import asyncio

import signups


def test_without_a_loop(refold_sandbox, refold_client):
    asyncio.run(signups.sign_up(refold_client.account("demo-user-1"), "a@example.com"))
    asyncio.run(signups.sign_up(refold_client.account("demo-user-1"), "b@example.com"))
    refold_sandbox.assert_ran("hubspot", "create_contact", times=2)
"""

IMPORTS = """
import sys


def pytest_configure(config):
    assert config.pluginmanager.has_plugin("refold_async")
    early = [name for name in sys.modules if name.split(".")[0] in ("aiohttp", "msgspec") or name.startswith("refold_async.c")]
    assert not early, early
"""

ANYIO = "import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
LOOP = "asyncio_default_fixture_loop_scope = function\nasyncio_mode ="
ALONE = ("--disable-plugin-autoload", "-p", "refold_async.pytest_plugin")

CONF: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "anyio": ("anyio", ANYIO, "", (*ALONE, "-p", "anyio")),
    "asyncio-strict": ("asyncio", IMPORTS, f"{LOOP} strict", ()),
    "asyncio-auto-in-parallel": (
        *("filterwarnings('error')", "", f"{LOOP} auto"),
        (*ALONE, "-p", "pytest_asyncio.plugin", "-p", "xdist", "-n", "2"),
    ),
}


class UserProject:
    """A directory of a user's: a package in a folder of packages, and its tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"

    def install(self, name: str, text: str) -> None:
        (self.site / name).mkdir(parents=True)
        (self.site / name / "__init__.py").write_text(text)

    def test(self, *arguments: str, **files: str) -> subprocess.CompletedProcess[str]:
        tests = self.folder / "tests"
        tests.mkdir(exist_ok=True)
        for name, text in files.items():
            (tests / f"{name}.{'ini' if name == 'pytest' else 'py'}").write_text(text)
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST", "REFOLD", "COV_", "COVERAGE"))
        }
        environment["PYTHONPATH"] = str(self.site)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
            *arguments,
        ]
        return subprocess.run(
            command, check=False, cwd=tests, env=environment, capture_output=True, text=True, timeout=60
        )


@pytest.fixture(scope="module")
def user_project(tmp_path_factory: pytest.TempPathFactory) -> UserProject:
    made = UserProject(tmp_path_factory.mktemp("user_project"))
    made.install("signups", PACKAGE)
    return made


@pytest.mark.parametrize("mode", CONF)
def test_fixtures_work_with_every_async_plugin_and_import_nothing_else(
    user_project: UserProject, mode: str
) -> None:
    mark, conftest, ini, arguments = CONF[mode]
    done = user_project.test(
        *arguments,
        *("test_plain.py", "test_signups.py"),
        test_plain=PLAIN,
        test_signups=TESTS.format(mark=mark),
        conftest=conftest,
        pytest=f"[pytest]\nfilterwarnings = error\n{ini}\n",
    )
    assert "7 passed" in done.stdout, done.stdout + done.stderr


OVERRIDES = """
import pytest
from refold_async import RateLimitedError, Retry
from refold_async.sandbox import SandboxLimit


@pytest.fixture(scope="session")
def refold_sandbox_options():
    return {"accounts": 2, "api_key": "tk_mine", "limit": SandboxLimit(per_second=1, burst=1)}


@pytest.fixture
def refold_client_options():
    return {"retry": Retry(attempts=1)}


@pytest.mark.anyio
async def test_settings(refold_sandbox, refold_client):
    assert len(refold_sandbox.account_ids) == 2
    assert refold_sandbox.api_key == "tk_mine"
    account = refold_client.account("demo-user-1")
    await account.actions.list("hubspot")
    with pytest.raises(RateLimitedError):
        await account.actions.list("hubspot")
"""


RECORDED = """
import pytest

pytestmark = pytest.mark.anyio


async def test_contacts(refold_recording):
    async with refold_recording.client() as refold:
        result = await refold.account("demo-user-1").actions.execute("hubspot", "get_contact", {"limit": "1"})
        assert result.data
        print("real" if refold_recording.recorded else "replayed")
"""


def test_a_recording_is_made_with_the_option_and_replayed_without(
    user_project: UserProject,
) -> None:
    _, conftest, _, arguments = CONF["anyio"]
    made = user_project.test(
        *(*arguments, "-s", "--refold-record", "test_recorded.py"),
        test_recorded=RECORDED,
        conftest=conftest + SANDBOX_AS_THE_SERVICE,
        pytest="[pytest]\n",
    )
    assert "1 passed" in made.stdout, made.stdout + made.stderr
    assert "real" in made.stdout
    saved = user_project.folder / "tests/recordings/test_recorded/test_contacts.json"
    assert "tk_sandbox" not in saved.read_text()
    again = user_project.test(
        *(*arguments, "-s", "test_recorded.py", "test_overrides.py"),
        test_recorded=RECORDED,
        test_overrides=OVERRIDES,
        conftest=conftest,
        pytest="[pytest]\n",
    )
    assert "2 passed" in again.stdout, again.stdout + again.stderr
    assert "replayed" in again.stdout


SANDBOX_AS_THE_SERVICE = """

@pytest.fixture(autouse=True)
def service(refold_environment):
    pass
"""


UNMET = """
import asyncio

import signups


def test_unmet(refold_sandbox, refold_client):
    refold_sandbox.answer("hubspot", "create_contact", {"id": "1"}, {"id": "2"})
    refold_sandbox.fail("slack", "post_message", status=503)
    asyncio.run(signups.sign_up(refold_client.account("demo-user-1"), "a@example.com"))
"""


def test_scripted_answers_that_were_not_used_are_reported(user_project: UserProject) -> None:
    shown = user_project.test(*ALONE, "test_unmet.py", test_unmet=UNMET, conftest="", pytest="[pytest]\n")
    assert "1 passed, 1 warning" in shown.stdout, shown.stdout + shown.stderr
    assert "NeverFiredWarning: scripted for this test, but no call met it:" in shown.stdout
    assert "action_id='post_message'" in shown.stdout
    assert "data={'id': '2'}" in shown.stdout
    assert "data={'id': '1'}" not in shown.stdout
    failed = user_project.test(
        *(*ALONE, "-W", "error::refold_async.testing.NeverFiredWarning", "test_unmet.py"),
        test_unmet=UNMET,
        conftest="",
        pytest="[pytest]\n",
    )
    assert "1 passed, 1 error" in failed.stdout, failed.stdout + failed.stderr
