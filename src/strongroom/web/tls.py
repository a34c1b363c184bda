"""The certificate, as the server offers it."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

from strongroom.errors import SettingsError
from strongroom.settings import Settings


class _Encrypted(Exception):
    """The key asks for a passphrase."""


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.2 and newer with this certificate; None without one.

    :raises SettingsError: when certificate or key cannot be used, saying why and what to do
    """
    if not settings.has_tls:
        return None
    cert, key = _found("tls_cert", settings.tls_cert), _found("tls_key", settings.tls_key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=_no_passphrase)
    except _Encrypted:
        raise SettingsError(
            f"tls_key: {key} is encrypted, and nobody is there to type its passphrase when the "
            "server starts; decrypt it with openssl pkey, and keep it readable by the server alone"
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise SettingsError(
                f"tls_key: {key} is not the key of the certificate in {cert}; "
                "name the two files that were made together"
            ) from None
        raise SettingsError(
            f"tls_cert: {cert} and {key} cannot be used ({error.reason or error}); "
            "both must be PEM files, which begin with -----BEGIN"
        ) from None
    return context


def key_is_exposed(settings: Settings) -> bool:
    """Whether every account of this machine may read the private key, or change it."""
    if not settings.has_tls:
        return False
    mode = Path(settings.tls_key).expanduser().stat().st_mode
    return bool(mode & (stat.S_IROTH | stat.S_IWOTH))


def _found(setting: str, name: str) -> Path:
    """The file, which can be read.

    :raises SettingsError: when it cannot
    """
    path = Path(name).expanduser().absolute()
    try:
        with path.open("rb"):
            return path
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(
            f"{setting}: {path} cannot be read ({reason}); "
            "name a PEM file that the account which runs the server may read"
        ) from None


def _no_passphrase() -> str:
    raise _Encrypted
