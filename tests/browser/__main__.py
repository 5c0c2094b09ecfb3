"""Take pictures of the report, the console and the connect page: `python -m tests.browser FOLDER`.

With `--landing` before the folder: those of a report that the first page of the documentation shows.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from refold_async import Call, RateLimit, Refold, Retry, portal
from refold_async.sandbox import Fault, Sandbox, SandboxThread

from .browser import chromium

WIDTHS = {"wide": 1280, "phone": 360}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with SandboxThread(Sandbox(accounts=12, console=True)) as sandbox:
        sandbox.faults.add(Fault(status=503, effect="read", times=2))
        sandbox.expire("demo-user-1", "hubspot")
        with portal(sandbox.api_key, base_url=sandbox.base_url) as client:
            account = "demo-user-2"
            client.call(lambda refold: refold.account(account).actions.execute("hubspot", "get_contact"))
            link = str(client.call(lambda refold: refold.reconnect_link("demo-user-1")).hosted_url)
            report = folder / "report.html"
            client.call(lambda refold: write_report(refold, report))
        pages = {
            "report": report.absolute().as_uri(),
            "console": f"{sandbox.base_url}/_console",
            "connect": link,
        }
        for size, width in WIDTHS.items():
            for name, url in pages.items():
                take(folder, f"{name}-{size}", url, width)


async def write_report(refold: Refold, path: Path, *, customers: int = 14, each: int = 36) -> None:
    calls = [
        Call(f"demo-user-{number % customers + 1}", "hubspot", "get_contact")
        for number in range(customers * each)
    ]
    batch = refold.batch(calls)
    async with batch:
        await batch.collect()
    await batch.write_report(path, title="Contacts, nightly")


def landing(folder: Path) -> None:
    """Take pictures of the report of a fan-out with a bit of everything."""
    with SandboxThread(Sandbox(accounts=600, seed=7)) as sandbox, tempfile.TemporaryDirectory() as scratch:
        sandbox.faults.add(
            Fault(latency=(0.02, 0.25)),
            Fault(status=503, effect="read", probability=0.06),
            Fault(status=429, headers={"Retry-After": "1"}, times=4, after=900),
            Fault(status=422, probability=0.01),
        )
        for number in (7, 70, 170):
            sandbox.expire(f"demo-user-{number}", "hubspot")
        report = Path(scratch) / "report.html"
        options: Any = {"rate_limit": RateLimit(300, burst=50), "retry": Retry(base=0.2)}
        with portal(sandbox.api_key, base_url=sandbox.base_url, **options) as client:
            client.call(lambda refold: write_report(refold, report, customers=600, each=4))
        with chromium(width=1120, height=760) as browser:
            browser.open(report.as_uri())
            browser.shows("Rate")
            for mode in ("light", "dark"):
                browser.dark(on=mode == "dark")
                browser.screenshot(folder / f"report-{mode}.png", height=760)


def take(folder: Path, name: str, url: str, width: int) -> None:
    with chromium(width=width) as browser:
        browser.open(url)
        browser.shows({"console": "Expire", "report": "Rate"}.get(name.partition("-")[0], "onnect"))
        for mode in ("light", "dark"):
            browser.dark(on=mode == "dark")
            browser.screenshot(folder / f"{name}-{mode}.png")


if sys.argv[1] == "--landing":
    landing(Path(sys.argv[2]))
else:
    main(Path(sys.argv[1]))
