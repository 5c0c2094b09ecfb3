"""A headless Chromium, driven by selenium: what a person would see of the sandbox's pages."""

import base64
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from tests.services import AXE

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
WAIT = 20
"""Seconds until something that must appear is missed."""


@contextmanager
def chromium(*, width: int = 1280, height: int = 900) -> Iterator["Browser"]:
    """Run a browser with an empty profile."""
    profile = tempfile.mkdtemp(prefix="refold-chromium-")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        # A window is never narrower than some 500 pixels; a phone's width has to be emulated.
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        yield Browser(driver)
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)


class Browser:
    """One window.

    Args:
        driver: What drives it.
    """

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.requested: list[str] = []

    def open(self, url: str) -> None:
        """Open a page."""
        self.driver.get(url)

    def run(self, script: str, *arguments: object) -> Any:
        """Run JavaScript in the page, and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so."""
        WebDriverWait(self.driver, WAIT).until(lambda _: condition())

    def text(self, selector: str = "body") -> str:
        """Return the visible text of an element."""
        text: str = self.run("return document.querySelector(arguments[0]).innerText", selector)
        return text

    def shows(self, text: str, selector: str = "body") -> None:
        """Wait until an element shows a text."""
        self.until(lambda: text in self.text(selector))

    def dark(self, *, on: bool) -> None:
        """Prefer dark colours, or light ones."""
        feature = {"name": "prefers-color-scheme", "value": "dark" if on else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def keys(self, *keys: str) -> None:
        """Press keys, as at a keyboard: they go to what has the focus."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def screenshot(self, path: Path, *, height: int | None = None) -> None:
        """Save a picture of the page, from its top; default: of all of it."""
        size = self.run(
            "return [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        )
        shot = {
            "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "width": size[0], "height": height or size[1], "scale": 1},
        }
        path.write_bytes(
            base64.b64decode(self.driver.execute_cdp_cmd("Page.captureScreenshot", shot)["data"])
        )

    def complaints(self) -> list[str]:
        """Return what the console of the browser says at the levels of a warning and above."""
        return [entry["message"] for entry in self._log("browser") if entry["level"] != "INFO"]

    def other_origins(self, origin: str) -> list[str]:
        """Return the URLs that were requested from elsewhere."""
        for entry in self._log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
        return [url for url in self.requested if not url.startswith((origin, "data:", "about:", "chrome:"))]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]
        return entries

    def violations(self) -> list[str]:
        """Return what axe-core finds wrong with the page as it is now: its rule, and where."""
        if not self.run("return Boolean(window.axe)"):
            self.run(AXE.read_text(encoding="utf-8"))
        found: list[str] = self.driver.execute_async_script(_AXE)
        return found

    def unreadable(self) -> list[str]:
        """Return the texts with too little contrast, and the controls without a name."""
        found: list[str] = self.run(_CHECK)
        return found


_AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(
  found => done(found.violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.target}: ${node.failureSummary}`))),
  error => done([String(error)]));
"""

_CHECK = """
const lum = ([r, g, b]) => { const c = [r, g, b].map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * c[0] + .7152 * c[1] + .0722 * c[2]; };
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const back = (node) => { for (; node; node = node.parentElement) { const c = rgb(getComputedStyle(node).backgroundColor);
  if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
const faults = [];
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim());
  const seen = node.getClientRects().length > 0;
  if (own && seen) {
    const [a, b] = [lum(rgb(getComputedStyle(node).color)), lum(back(node))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${node.textContent.slice(0, 40)}`);
  }
  if (seen && node.matches("input, select, textarea, button, a[href]")) {
    const name = node.ariaLabel || node.textContent.trim() || [...(node.labels ?? [])].map(l => l.textContent.trim()).join("");
    if (!name) faults.push(`no name: ${node.outerHTML.slice(0, 80)}`);
  }
}
return faults;
"""
