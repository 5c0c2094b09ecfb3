"""The `refold` command (extra `cli`)."""

from __future__ import annotations

import importlib.util
import sys
from typing import Final

_NEEDS: Final = ("click", "rich")


def main() -> int:
    """Run the `refold` command with the process's arguments and return its exit code."""
    missing = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"refold: {' and '.join(missing)} not installed; run: pip install 'refold-async[cli]'\n"
        )
        return 2
    from refold_async.cli.exits import prepare_streams  # noqa: PLC0415 - needs the extras checked above
    from refold_async.cli.program import run  # noqa: PLC0415

    prepare_streams()
    return run()
