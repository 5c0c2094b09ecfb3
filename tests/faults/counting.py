"""The count of the matrix's cells, told at the end of a test run.

A test says by `record_property(CELLS, n)` how many cells it asserts. The property travels with the test's
report, so that the count is right under pytest-xdist too.
"""

import pytest

CELLS = "cells"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many cells held, and how many are in tests that failed."""
    held, failed = _cells(terminalreporter, "passed"), _cells(terminalreporter, "failed")
    if held + failed:
        terminalreporter.section("fault matrix")
        terminalreporter.line(f"{held:,} cells held; {failed:,} are in tests that failed")


def _cells(reporter: pytest.TerminalReporter, outcome: str) -> int:
    reports: list[pytest.TestReport] = reporter.getreports(outcome)
    return sum(int(str(count)) for each in reports for name, count in each.user_properties if name == CELLS)
