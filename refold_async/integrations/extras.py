"""What an import says where its extra is not installed."""

from __future__ import annotations


def missing(error: ModuleNotFoundError, extra: str) -> ModuleNotFoundError:
    """Give the error to raise from one of an import, with what is to be installed."""
    return ModuleNotFoundError(f"{error}; run: pip install 'refold-async[{extra}]'", name=error.name)
