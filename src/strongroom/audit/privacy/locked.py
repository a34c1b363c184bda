"""What a pending forgetting looks for, kept so that the search for it does not find it there."""

from __future__ import annotations

from collections.abc import Iterable

import orjson
from cryptography.fernet import Fernet, InvalidToken

from strongroom.errors import Corrupt


def locked(traces: Iterable[str]) -> tuple[bytes, bytes]:
    """The traces encrypted, so that a search for them does not find these; and the key."""
    key = Fernet.generate_key()
    return Fernet(key).encrypt(orjson.dumps(sorted(traces))), key


def unlocked(token: bytes, key: bytes) -> list[str]:
    """The traces again.

    :raises Corrupt: when they are not what was locked
    """
    try:
        found: list[str] = orjson.loads(Fernet(key).decrypt(token))
    except (InvalidToken, ValueError) as error:
        raise Corrupt("what a pending forgetting looks for cannot be read") from error
    return found
