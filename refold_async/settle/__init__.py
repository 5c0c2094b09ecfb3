"""Settling: find out what became of a write whose fate is unknown, by looking for what it wrote.

`settings.py` has what users set; `verdicts.py` and `more_pages.py` decide, without I/O; `looking.py` makes
one look-up. A batch settles with `batch/settling.py`.
"""

from refold_async.settle.settings import Lookup, LookupFunction, Settle

__all__ = ["Lookup", "LookupFunction", "Settle"]
