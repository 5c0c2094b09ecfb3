"""The service's API reference, which is not part of the repository: tests that need it run only if it is present.

It is looked up in `shared/refold-api` beside the checkout: `openapi.yaml` and `examples.json`.
"""

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "refold-api"
AVAILABLE = FOLDER.is_dir()

needs_reference = pytest.mark.needs_reference


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "needs_reference: collected only if the API reference is present")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the marked tests if the reference is absent; skipping would drown the other skips."""
    if AVAILABLE:
        return
    deselected = [item for item in items if item.get_closest_marker("needs_reference")]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if not item.get_closest_marker("needs_reference")]


def report_absence(terminalreporter: pytest.TerminalReporter) -> None:
    """Print one line if the tests against the reference were not collected."""
    if not AVAILABLE:
        terminalreporter.line(
            "API reference not found beside the checkout: tests against it were not collected"
        )
