"""Whom a TLS connection to a destination believes, and who we say we are."""

from __future__ import annotations

import ssl

from strongroom.audit.shipping.destination import Destination
from strongroom.errors import SettingsError


def tls_context(destination: Destination) -> ssl.SSLContext:
    """Verifies certificate and name of the host; TLS 1.2 and newer.

    :raises SettingsError: when a file of certificates cannot be used
    """
    try:
        context = ssl.create_default_context(cafile=destination.tls_ca or None)
    except (OSError, ssl.SSLError) as error:
        raise _unusable(destination, "tls_ca", destination.tls_ca, error) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if destination.tls_cert:
        try:
            context.load_cert_chain(destination.tls_cert, destination.tls_key)
        except (OSError, ssl.SSLError) as error:
            raise _unusable(destination, "tls_cert", destination.tls_cert, error) from error
    return context


def _unusable(destination: Destination, name: str, path: str, error: OSError) -> SettingsError:
    return SettingsError(f"shipping.{destination.name}.{name}: {path} cannot be used: {error}")
