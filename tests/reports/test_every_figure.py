"""Every figure of a report against the summary, the sandbox's ledger and the journal.

`python -m tests.heavy.reports` does the same with 2,000 customers.
"""

from pathlib import Path

from .comparison import check_batch, check_pull


async def test_the_report_of_a_batch(tmp_path: Path) -> None:
    await check_batch(200, tmp_path)


async def test_the_report_of_a_pull(tmp_path: Path) -> None:
    await check_pull(200, tmp_path)
