"""Expected outcomes: reads are retried after transient failures, writes only if nothing can have run."""

from typing import TypedDict

from .fault import Expected, Fate


class Expectations(TypedDict):
    """The expected outcomes of a read and of a write that meet a fault."""

    read: Expected
    write: Expected


def transient(error: str, fate: Fate = "unknown") -> Expectations:
    """Reads are retried; writes are not, because they may have run."""
    return Expectations(read=Expected(error, fate, retried=True, seen=2), write=Expected(error, fate))


def permanent(error: str, fate: Fate = "unknown", *, seen: int = 1) -> Expectations:
    """Neither reads nor writes are retried."""
    return Expectations(read=Expected(error, fate, seen=seen), write=Expected(error, fate, seen=seen))


def harmless(error: str, fate: Fate = "not_sent", *, seen: int = 1) -> Expectations:
    """Reads and writes are both retried, because nothing can have run."""
    expected = Expected(error, fate, retried=True, seen=seen)
    return Expectations(read=expected, write=expected)


def unseen(expectations: Expectations) -> Expectations:
    """Return the same expectations for a fault whose attempt never reaches the server as a request."""
    read, write = expectations["read"], expectations["write"]
    return Expectations(
        read=Expected(read.error, read.fate, retried=read.retried, seen=read.seen - 1),
        write=Expected(write.error, write.fate, retried=write.retried, seen=write.seen - 1),
    )


ACCEPTED = Expectations(read=Expected(), write=Expected())
LOST = transient("ConnectionFailedError")
NOT_SENT = harmless("ConnectionFailedError")
UNTRUSTED = permanent("CertificateError", "not_sent")
CERTIFICATE_DEMANDED = permanent("CertificateError")
NOT_TLS = permanent("ConnectionFailedError", "not_sent")
STALLED = permanent("DeadlineExceededError")
STALLED_UNSENT = permanent("DeadlineExceededError", "not_sent", seen=0)
UNREADABLE = permanent("UnreadableReplyError")
DAMAGED = transient("UnreadableReplyError")
TOO_LARGE = permanent("ReplyTooLargeError")
REDIRECTED = permanent("RedirectError", "rejected")
THROTTLED = harmless("RateLimitedError", "rejected", seen=2)
THROTTLED_TOO_LONG = permanent("RateLimitedError", "rejected")
