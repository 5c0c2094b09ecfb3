"""A self-signed certificate for 127.0.0.1, created for each run by the `openssl` command."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """The two files of a certificate."""

    certificate: Path
    key: Path


def available() -> bool:
    """Return whether the `openssl` command is installed."""
    return shutil.which("openssl") is not None


def make(folder: Path) -> Certificate:
    """Create a certificate in `folder`, valid for two days."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    files = ["-keyout", str(made.key), "-out", str(made.certificate)]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *files]
    subprocess.run(command, check=True, capture_output=True)
    return made


def client_context(certificate: Certificate) -> ssl.SSLContext:
    """Return a client context that trusts `certificate`."""
    return ssl.create_default_context(cafile=str(certificate.certificate))


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """Return a server context with the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
