"""A run's report in a real browser: it loads nothing, is readable on a phone and in dark mode, sorts and filters."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from refold_async import Call, Done, Failed, UnprocessableError
from refold_async.batch.figures import figures
from refold_async.batch.history import RunHistory
from refold_async.batch.summary import Connection, Counters
from refold_async.reports import as_html
from refold_async.results import ActionResult
from tests.services import needs

pytest.importorskip("selenium", reason="needs selenium")

from .browser import chromium

pytestmark = [needs("chromium"), needs("chromedriver"), pytest.mark.timeout(300)]

HOSTILE = "<img src=x onerror=alert(1)><script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of 400 calls, with hostile messages and names."""
    history, counters = RunHistory(), Counters()
    for number in range(400):
        call = Call(f"customer-{number % 30}", "hubspot", "get_contact")
        outcome: Done | Failed = Done(
            call, ActionResult("success", 200, msgspec.Raw(b"{}")), attempts=1, elapsed=0.01 * number
        )
        if number % 9 == 0:
            error = UnprocessableError(HOSTILE, fate="rejected")
            outcome = Failed(Call(f"{HOSTILE}{number}", f"app-{number}", "x"), error, attempts=2, elapsed=0.3)
        history.add_attempts(number * 0.02, outcome.attempts)
        history.add(number * 0.02, outcome)
        counters.add(outcome)
    counters.reconnect.update({Connection(f"{HOSTILE}{number}", "slack"): None for number in range(40)})
    summary = counters.summary(seconds=8.0, under_way=0, stopped=None, key_paused=1.5)
    run = figures(
        HOSTILE, summary, history, counters.latencies.steps(),
        began=datetime(2026, 1, 2, tzinfo=UTC), ended=True, rate_limit=60.0,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_bytes(as_html(run))
    return path


@pytest.mark.parametrize("width", [1280, 360])
def test_it_is_readable_and_loads_nothing(page: Path, width: int) -> None:
    url = page.as_uri()
    with chromium(width=width) as browser:
        browser.open(url)
        browser.shows("Outcomes over time")
        assert browser.complaints() == []
        assert browser.other_origins(url) == []
        assert browser.run("return document.images.length") == 0
        assert browser.run("return document.title") == HOSTILE
        assert browser.run("return document.documentElement.scrollWidth <= window.innerWidth")
        browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")
        for on in (False, True):
            browser.dark(on=on)
            assert browser.unreadable() == []


def test_tables_sort_and_filter(page: Path) -> None:
    with chromium() as browser:
        browser.open(page.as_uri())
        column = """return [...document.querySelectorAll('[data-name=slowest] tbody tr')].filter(row => !row.hidden)
            .map(row => row.cells[arguments[0]].textContent)"""
        slowest: list[str] = browser.run(column, 3)
        assert slowest[0] == "3.99 s"
        press = "document.querySelectorAll('[data-name=slowest] th button')[3].click()"
        browser.run(press)
        browser.run(press)
        assert browser.run(column, 3) == slowest[::-1]
        browser.run("document.querySelector('[aria-label=\"Filter: slowest\"]').focus()")
        browser.keys("customer-2")
        shown: list[str] = browser.run(column, 0)
        assert shown
        assert all("customer-2" in account for account in shown)
