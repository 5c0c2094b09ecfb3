"""Take pictures of the report, the console and the connect page: `python -m tests.browser FOLDER`."""

import sys
from pathlib import Path

from refold_async import Call, Refold, portal
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


async def write_report(refold: Refold, path: Path) -> None:
    calls = [Call(f"demo-user-{number % 14 + 1}", "hubspot", "get_contact") for number in range(500)]
    batch = refold.batch(calls)
    async with batch:
        await batch.collect()
    await batch.write_report(path, title="Contacts, nightly")


def take(folder: Path, name: str, url: str, width: int) -> None:
    with chromium(width=width) as browser:
        browser.open(url)
        browser.shows({"console": "Expire", "report": "Rate"}.get(name.partition("-")[0], "onnect"))
        for mode in ("light", "dark"):
            browser.dark(on=mode == "dark")
            browser.screenshot(folder / f"{name}-{mode}.png")


main(Path(sys.argv[1]))
