"""axe-core on each page that people look at, in light and dark mode."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from refold_async import portal
from refold_async.sandbox import Fault, Sandbox, SandboxThread
from tests.services import needs

pytest.importorskip("selenium", reason="needs selenium")

from .browser import Browser, chromium
from .test_report import page

__all__ = ["page"]

pytestmark = [needs("chromium"), needs("chromedriver"), needs("axe"), pytest.mark.timeout(300)]

ACCOUNT = "demo-user-1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox(accounts=5, console=True)) as sandbox:
        sandbox.faults.add(Fault(status=503, effect="read", times=2))
        sandbox.expire(ACCOUNT, "hubspot")
        yield sandbox


def assert_accessible(browser: Browser) -> None:
    for on in (False, True):
        browser.dark(on=on)
        assert browser.violations() == []


def test_what_is_wrong_is_found(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text("<!doctype html><html><title>x</title><main><input><img src=x></main>")
    browser.open((tmp_path / "bad.html").as_uri())
    assert {each.partition(":")[0] for each in browser.violations()} >= {
        "html-has-lang",
        "image-alt",
        "label",
    }


def test_the_report(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri())
    browser.shows("Outcomes over time")
    browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert_accessible(browser)


def test_the_console(browser: Browser, sandbox: Sandbox) -> None:
    with portal(sandbox.api_key, base_url=sandbox.base_url) as client:
        client.call(lambda refold: refold.account(ACCOUNT).actions.execute("slack", "list_channels"))
    browser.open(f"{sandbox.base_url}/_console")
    browser.shows("Expire", "#connections")
    browser.shows("list_channels", "#runs")
    assert_accessible(browser)


def test_the_connect_page(browser: Browser, sandbox: Sandbox) -> None:
    with portal(sandbox.api_key, base_url=sandbox.base_url) as client:
        link = client.call(lambda refold: refold.reconnect_link(ACCOUNT))
    browser.open(str(link.hosted_url))
    browser.shows("expired", "#apps")
    assert_accessible(browser)
