"""Faults before the first request: the port, the name, the accept, the handshake."""

from .fault import NO_SUCH_HOST, TCP, TLS, Fault
from .steps import Close, Expect, Hang, Reset, Send
from .verdicts import LOST, NOT_SENT, STALLED, STALLED_UNSENT, UNREADABLE, UNTRUSTED, harmless, unseen

HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"
LASTING = unseen(harmless("ConnectionFailedError"))

PORT = (
    Fault(id="refused", words="the port refuses", listening="refuses", **LASTING),
    Fault(id="backlog-full", words="the port lets nobody in", listening="full", **STALLED_UNSENT),
    Fault(
        id="dns-failure",
        words="the name does not resolve",
        host=NO_SUCH_HOST,
        following="ConnectionFailedError",
        **LASTING,
    ),
)

ACCEPT = (
    Fault(
        id="accept-silence",
        words="accepts, then silence",
        accept=(Hang(),),
        wires=TCP,
        **unseen(STALLED),
    ),
    Fault(
        id="accept-close",
        words="accepts, and closes when bytes come",
        accept=(Expect(), Close()),
        wires=TCP,
        **unseen(LOST),
    ),
    Fault(
        id="accept-reset",
        words="accepts, and resets when bytes come",
        accept=(Expect(), Reset()),
        wires=TCP,
        **unseen(LOST),
    ),
    Fault(
        id="tls-over-plain",
        words="a TLS port reached without TLS: an alert in answer",
        accept=(Expect(), Send(HANDSHAKE_FAILURE), Close()),
        wires=TCP,
        **unseen(UNREADABLE),
    ),
)

HANDSHAKE = (
    Fault(
        id="handshake-silence",
        words="accepts, then silence in the handshake",
        accept=(Hang(),),
        wires=TLS,
        **STALLED_UNSENT,
    ),
    Fault(
        id="handshake-close",
        words="closes in the handshake",
        accept=(Expect(), Close()),
        wires=TLS,
        **NOT_SENT,
    ),
    Fault(
        id="handshake-reset",
        words="resets in the handshake",
        accept=(Expect(), Reset()),
        wires=TLS,
        **NOT_SENT,
    ),
    Fault(
        id="handshake-alert",
        words="a fatal alert in the handshake",
        accept=(Expect(), Send(HANDSHAKE_FAILURE), Close()),
        wires=TLS,
        **NOT_SENT,
    ),
    Fault(
        id="plain-over-tls",
        words="a plain HTTP answer to a TLS handshake",
        accept=(Expect(), Send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Close()),
        wires=TLS,
        **NOT_SENT,
    ),
)

CERTIFICATES = (
    Fault(
        id="certificate-expired",
        words="the certificate has expired",
        certificate="expired",
        wires=TLS,
        **unseen(UNTRUSTED),
    ),
    Fault(
        id="certificate-not-yet-valid",
        words="the certificate is not valid yet",
        certificate="not_yet_valid",
        wires=TLS,
        **unseen(UNTRUSTED),
    ),
    Fault(
        id="certificate-wrong-host",
        words="the certificate is another host's",
        certificate="wrong_host",
        wires=TLS,
        **unseen(UNTRUSTED),
    ),
    Fault(
        id="certificate-untrusted",
        words="nobody known signed the certificate",
        certificate="untrusted",
        wires=TLS,
        **unseen(UNTRUSTED),
    ),
    Fault(
        id="certificate-demanded",
        words="the server wants a client certificate, and says so after the request was sent",
        certificate="wants_client_certificate",
        wires=TLS,
        **unseen(LOST),
    ),
)

CONNECTING = (*PORT, *ACCEPT, *HANDSHAKE, *CERTIFICATES)
