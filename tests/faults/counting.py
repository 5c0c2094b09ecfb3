"""Counts the cells of the fault matrix and reports them at the end of a test run.

A test declares how many cells it asserts with `record_property(CELLS, n)`. The property is part of the
test's report, so the count is right under pytest-xdist too.
"""

import pytest

CELLS = "cells"


def report_cells(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many cells passed, and how many belong to failed tests."""
    passed, failed = _cells(terminalreporter, "passed"), _cells(terminalreporter, "failed")
    if passed + failed:
        terminalreporter.section("fault matrix")
        terminalreporter.line(f"{passed:,} cells passed, {failed:,} in failed tests")


def _cells(reporter: pytest.TerminalReporter, outcome: str) -> int:
    reports: list[pytest.TestReport] = reporter.getreports(outcome)
    return sum(int(str(count)) for each in reports for name, count in each.user_properties if name == CELLS)
