"""Certificates for loopback, created once per process: a good one and several that a client must reject."""

import ssl
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal

import trustme

Certificate = Literal[
    "good", "expired", "not_yet_valid", "wrong_host", "untrusted", "wants_client_certificate"
]


@cache
def authority() -> trustme.CA:
    """Return the CA that test clients trust."""
    return trustme.CA()


@cache
def client_context() -> ssl.SSLContext:
    """Return a client context that trusts only the test CA."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


@cache
def server_context(certificate: Certificate = "good") -> ssl.SSLContext:
    """Return a server context with the given certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _issue(certificate).configure_cert(context)
    if certificate == "wants_client_certificate":
        context.verify_mode = ssl.CERT_REQUIRED
        authority().configure_trust(context)
    return context


def _issue(certificate: Certificate) -> trustme.LeafCert:
    now, day = datetime.now(UTC), timedelta(days=1)
    match certificate:
        case "expired":
            return authority().issue_cert(
                "localhost", "127.0.0.1", not_before=now - 2 * day, not_after=now - day
            )
        case "not_yet_valid":
            return authority().issue_cert(
                "localhost", "127.0.0.1", not_before=now + day, not_after=now + 2 * day
            )
        case "wrong_host":
            return authority().issue_cert("elsewhere.example")
        case "untrusted":
            return trustme.CA().issue_cert("localhost", "127.0.0.1")
        case "good" | "wants_client_certificate":
            return authority().issue_cert("localhost", "127.0.0.1")
