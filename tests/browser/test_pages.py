"""The console and the connect page in a real browser: by keyboard, on a phone, in dark mode, with hostile text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from refold_async import Portal, portal
from refold_async.sandbox import Sandbox, SandboxThread
from tests.services import needs

pytest.importorskip("selenium", reason="needs selenium")

from selenium.webdriver.common.keys import Keys

from .browser import Browser, chromium

pytestmark = [needs("chromium"), needs("chromedriver"), pytest.mark.timeout(300)]

ACCOUNT = "demo-user-1"
HOSTILE = "<img src=x onerror=alert(1)><script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox(accounts=5, console=True)) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Iterator[Portal]:
    with portal(sandbox.api_key, base_url=sandbox.base_url) as client:
        yield client


def post(client: Portal, text: str) -> None:
    params = {"channel": "general", "text": text}
    client.call(lambda refold: refold.account(ACCOUNT).actions.execute("slack", "post_message", params))


def assert_sound(browser: Browser, sandbox: Sandbox) -> None:
    assert browser.complaints() == []
    assert browser.other_origins(sandbox.base_url) == []
    assert browser.run("return document.documentElement.scrollWidth <= window.innerWidth")
    for on in (False, True):
        browser.dark(on=on)
        assert browser.unreadable() == []


@pytest.mark.parametrize("width", [1280, 360])
def test_the_console_shows_what_runs_and_stays_readable(sandbox: Sandbox, client: Portal, width: int) -> None:
    post(client, HOSTILE)
    with chromium(width=width) as browser:
        browser.open(f"{sandbox.base_url}/_console")
        browser.shows("post_message", "#actions")
        browser.shows("onerror", "#runs")
        assert browser.run("return document.querySelectorAll('main img, main script').length") == 0
        assert browser.run("return document.title") == "Refold sandbox"
        assert_sound(browser, sandbox)


def test_faults_and_connections_change_by_keyboard_alone(sandbox: Sandbox) -> None:
    with chromium() as browser:
        sandbox.connect(ACCOUNT, "hubspot")
        browser.open(f"{sandbox.base_url}/_console")
        browser.shows("Expire", "#connections")
        focus(browser, "button", "Expire hubspot")
        browser.keys(Keys.ENTER)
        browser.shows("hubspot: Expire done", "#message")
        connection = sandbox.organisation.account(ACCOUNT)
        assert connection is not None
        assert connection.connections["hubspot"].expired
        focus(browser, "button", "Reconnect hubspot")
        browser.keys(Keys.SPACE)
        browser.until(lambda: not connection.connections["hubspot"].expired)
        focus(browser, "button", "Add the fault")
        browser.keys(Keys.ENTER)
        browser.shows("drop", "#faults")
        assert len(sandbox.faults) == 1
        focus(browser, "button", "Remove {")
        browser.keys(Keys.ENTER)
        browser.until(lambda: len(sandbox.faults) == 0)
        assert browser.complaints() == []


def focus(browser: Browser, tag: str, name: str) -> None:
    """Press Tab until the control with this name has the focus."""
    for _ in range(120):
        found: Any = browser.run(
            "const at = document.activeElement; return at ? [at.tagName, at.ariaLabel || at.textContent] : null"
        )
        if found and found[0].lower() == tag and found[1].startswith(name):
            return
        browser.keys(Keys.TAB)
    pytest.fail(f"{name!r} cannot be reached with Tab")


@pytest.mark.parametrize("width", [1280, 360])
def test_a_customer_reconnects_on_the_connect_page(sandbox: Sandbox, client: Portal, width: int) -> None:
    sandbox.expire(ACCOUNT, "hubspot")
    back = {"redirect_url": "https://app.example.com/settings"}
    link = client.call(lambda refold: refold.reconnect_link(ACCOUNT, properties=back))
    with chromium(width=width) as browser:
        browser.open(str(link.hosted_url))
        browser.shows("expired", "#apps")
        focus(browser, "button", "Decline Hubspot")
        browser.keys(Keys.ENTER)
        browser.shows("declined", "#message")
        focus(browser, "button", "Reconnect Hubspot")
        browser.keys(Keys.ENTER)
        browser.shows("Reconnect done", "#message")
        assert browser.run("return document.querySelector('#leave a').href") == back["redirect_url"]
        assert_sound(browser, sandbox)
    client.call(lambda refold: refold.account(ACCOUNT).actions.execute("hubspot", "get_contact"))


def test_a_link_that_has_expired_says_so(sandbox: Sandbox) -> None:
    with chromium() as browser:
        browser.open(f"{sandbox.base_url}/connect/no-such-token")
        browser.shows("expired", "#message")


def test_a_picture_can_be_made(sandbox: Sandbox, tmp_path: Path) -> None:
    with chromium() as browser:
        browser.open(f"{sandbox.base_url}/_console")
        browser.shows("Expire", "#connections")
        browser.screenshot(tmp_path / "console.png")
    assert (tmp_path / "console.png").read_bytes().startswith(b"\x89PNG")
