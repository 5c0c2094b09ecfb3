"""What an exchange tells of itself, beside its reply."""

from __future__ import annotations

from refold_async.credentials import NO_SECRET, Secret
from refold_async.errors import Fate


class Progress:
    """How far one attempt got: whether anything of it may have left, with which secret, to which status."""

    __slots__ = ("secret", "sent", "status")

    def __init__(self) -> None:
        self.sent = False
        self.status: int | None = None
        self.secret: Secret = NO_SECRET

    @property
    def fate(self) -> Fate:
        """What became of an attempt that brought no answer."""
        return "unknown" if self.sent else "not_sent"
