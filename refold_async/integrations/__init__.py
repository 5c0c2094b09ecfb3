"""Integrations with other libraries, each behind an extra of its own. None is imported by default."""

from __future__ import annotations


def missing_extra(error: ModuleNotFoundError, extra: str) -> ModuleNotFoundError:
    """Return the error to raise from a failed import, which names the extra to install."""
    return ModuleNotFoundError(f"{error}; run: pip install 'refold-async[{extra}]'", name=error.name)
