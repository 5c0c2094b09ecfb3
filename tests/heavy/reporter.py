"""Output of the long runs, unbuffered even when redirected to a file."""

import sys


def emit(text: str) -> None:
    """Print a line and flush."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
