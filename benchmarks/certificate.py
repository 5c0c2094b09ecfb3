"""A certificate for 127.0.0.1 and its authority, created for each run by trustme (extra `test`)."""

import ssl
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a certificate.

    Attributes:
        authority: What signed it, for clients.
        chain: The certificate itself, for servers.
        key: Its private key.
    """

    authority: Path
    chain: Path
    key: Path


def available() -> bool:
    """Return whether trustme is installed."""
    return find_spec("trustme") is not None


def make(folder: Path) -> Certificate:
    """Create an authority and a certificate in `folder`."""
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    made = Certificate(folder / "authority.pem", folder / "chain.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(made.authority)
    for part in issued.cert_chain_pems:
        part.write_to_path(made.chain, append=True)
    issued.private_key_pem.write_to_path(made.key)
    return made


def client_context(certificate: Certificate) -> ssl.SSLContext:
    """Return a client context that trusts `certificate`."""
    return ssl.create_default_context(cafile=str(certificate.authority))


def server_context(chain: str, key: str) -> ssl.SSLContext:
    """Return a server context with the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context
