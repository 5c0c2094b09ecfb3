"""Faults before the first request: port, host name, accept, TLS handshake."""

from .expectations import (
    CERTIFICATE_DEMANDED,
    DAMAGED,
    LOST,
    NOT_SENT,
    NOT_TLS,
    STALLED,
    STALLED_UNSENT,
    UNTRUSTED,
    harmless,
    unseen,
)
from .fault import NO_SUCH_HOST, TCP, TLS, Fault
from .steps import Close, Expect, Hang, Reset, Send

HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"
LASTING = unseen(harmless("ConnectionFailedError"))

PORT = (
    Fault(id="refused", words="connection refused", listening="refuses", **LASTING),
    Fault(id="backlog-full", words="the listen backlog is full", listening="full", **STALLED_UNSENT),
    Fault(
        id="dns-failure",
        words="the host name does not resolve",
        host=NO_SUCH_HOST,
        following="ConnectionFailedError",
        **LASTING,
    ),
)

ACCEPT = (
    Fault(
        id="accept-silence",
        words="no response after accept",
        accept=(Hang(),),
        wires=TCP,
        **unseen(STALLED),
    ),
    Fault(
        id="accept-close",
        words="closed after accept, when data arrives",
        accept=(Expect(), Close()),
        wires=TCP,
        **unseen(LOST),
    ),
    Fault(
        id="accept-reset",
        words="reset after accept, when data arrives",
        accept=(Expect(), Reset()),
        wires=TCP,
        **unseen(LOST),
    ),
    Fault(
        id="tls-over-plain",
        words="plain HTTP to a TLS port, answered by a TLS alert",
        accept=(Expect(), Send(HANDSHAKE_FAILURE), Close()),
        wires=TCP,
        **unseen(DAMAGED),
    ),
)

HANDSHAKE = (
    Fault(
        id="handshake-silence",
        words="no response during the TLS handshake",
        accept=(Hang(),),
        wires=TLS,
        **STALLED_UNSENT,
    ),
    Fault(
        id="handshake-close",
        words="closed during the TLS handshake",
        accept=(Expect(), Close()),
        wires=TLS,
        **NOT_SENT,
    ),
    Fault(
        id="handshake-reset",
        words="reset during the TLS handshake",
        accept=(Expect(), Reset()),
        wires=TLS,
        **NOT_SENT,
    ),
    Fault(
        id="handshake-alert",
        words="a fatal alert during the TLS handshake",
        accept=(Expect(), Send(HANDSHAKE_FAILURE), Close()),
        wires=TLS,
        **NOT_SENT,
    ),
    Fault(
        id="plain-over-tls",
        words="a plain HTTP response to a TLS handshake",
        accept=(Expect(), Send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Close()),
        wires=TLS,
        **unseen(NOT_TLS),
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
        words="the certificate is not yet valid",
        certificate="not_yet_valid",
        wires=TLS,
        **unseen(UNTRUSTED),
    ),
    Fault(
        id="certificate-wrong-host",
        words="the certificate is for another host",
        certificate="wrong_host",
        wires=TLS,
        **unseen(UNTRUSTED),
    ),
    Fault(
        id="certificate-untrusted",
        words="the certificate is signed by an unknown CA",
        certificate="untrusted",
        wires=TLS,
        **unseen(UNTRUSTED),
    ),
    Fault(
        id="certificate-demanded",
        words="the server requires a client certificate and rejects the connection after the request was sent",
        certificate="wants_client_certificate",
        wires=TLS,
        **unseen(CERTIFICATE_DEMANDED),
    ),
)

CONNECTING = (*PORT, *ACCEPT, *HANDSHAKE, *CERTIFICATES)
