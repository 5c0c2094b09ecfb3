"""What calls become, by the promises of the client: reads retry what passes, writes what was never sent.

Each verdict is the pair `read`, `write` of a fault's expectations.
"""

from typing import TypedDict

from .fault import Expected, Fate


class Verdict(TypedDict):
    """The two expectations of a fault."""

    read: Expected
    write: Expected


def transient(error: str, fate: Fate = "unknown") -> Verdict:
    """A read is tried again; a write is not, since it may have run."""
    return Verdict(read=Expected(error, fate, retried=True, seen=2), write=Expected(error, fate))


def permanent(error: str, fate: Fate = "unknown", *, seen: int = 1) -> Verdict:
    """Nothing is tried again."""
    return Verdict(read=Expected(error, fate, seen=seen), write=Expected(error, fate, seen=seen))


def harmless(error: str, fate: Fate = "not_sent", *, seen: int = 1) -> Verdict:
    """Reads and writes alike are tried again, since nothing can have run."""
    expected = Expected(error, fate, retried=True, seen=seen)
    return Verdict(read=expected, write=expected)


def unseen(verdict: Verdict) -> Verdict:
    """The same, where the faulted try itself never comes to the server's eyes as a request."""
    read, write = verdict["read"], verdict["write"]
    return Verdict(
        read=Expected(read.error, read.fate, retried=read.retried, seen=read.seen - 1),
        write=Expected(write.error, write.fate, retried=write.retried, seen=write.seen - 1),
    )


ACCEPTED = Verdict(read=Expected(), write=Expected())
LOST = transient("ConnectionFailedError")
NOT_SENT = harmless("ConnectionFailedError")
UNTRUSTED = permanent("CertificateError", "not_sent")
STALLED = permanent("DeadlineExceededError")
STALLED_UNSENT = permanent("DeadlineExceededError", "not_sent", seen=0)
UNREADABLE = permanent("UnreadableReplyError")
TOO_LARGE = permanent("ReplyTooLargeError")
REDIRECTED = permanent("RedirectError", "rejected")
THROTTLED = harmless("RateLimitedError", "rejected", seen=2)
THROTTLED_TOO_LONG = permanent("RateLimitedError", "rejected")
