"""A server that speaks TLS with a certificate made for the occasion; one that does not listen at all."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask.testing import FlaskClient

from strongroom.bootstrap import Installation as Storage
from strongroom.settings import load
from tests.serving import Installation


def certify(folder: Path, name: str = "cert") -> tuple[Path, Path]:
    """A certificate for this machine that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    names = [
        x509.DNSName("localhost"),
        x509.DNSName("files.example"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(private(key, serialization.NoEncryption()))
    key_file.chmod(0o600)
    return cert_file, key_file


def private(
    key: ec.EllipticCurvePrivateKey, how: serialization.KeySerializationEncryption
) -> bytes:
    """A key as PEM."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


@contextmanager
def application(data: Path, **settings: Any) -> Iterator[FlaskClient]:
    """The application as it would listen there; it can be asked from any address, and opens no port."""
    storage = Storage.open(load(data=data, **settings))
    app = storage.app()
    yield app.test_client()
    app.extensions["strongroom.audit"].close()
    storage.store.close()


class Secured(Installation):
    """An installation with accounts behind TLS; ``trust`` are the certificates clients believe."""

    def __init__(self, data: Path, **settings: object) -> None:
        self.cert, self.key = certify(data.parent)
        secure = {"tls_cert": self.cert, "tls_key": self.key, "no_auth": False}
        super().__init__(data, **{**secure, **settings})
        self.url = f"https://127.0.0.1:{self.port}"

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client needs to connect."""
        return ssl.create_default_context(cafile=str(self.cert))

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client that believes this server's certificate."""
        return httpx.Client(base_url=self.url, timeout=30, **{"verify": self.trust, **options})
