"""Where the signing key is kept: in a file of its own that only its owner can read."""

from __future__ import annotations

import os
import secrets
import socket
import stat
from pathlib import Path
from typing import Final

from strongroom.audit.merkle import Malformed, SigningKey
from strongroom.errors import SettingsError

PRIVATE: Final = "PRIVATE+KEY+"
"""How the text of a signing key begins: a setting that does so is the key, not the file's name."""

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def default_origin() -> str:
    """A name for a new ledger that no other ledger has: the machine's, and eight random digits."""
    host = "".join(c for c in socket.gethostname() if c.isascii() and (c.isalnum() or c in ".-"))
    return f"{host or 'strongroom'}/{secrets.token_hex(4)}"


def read_key(setting: str, default: Path) -> SigningKey | None:
    """The signing key; None when its file does not exist.

    :param setting: the key's text, the path of its file, or nothing
    :param default: the file, when the setting says nothing
    :raises SettingsError: when it is no key, or others can read its file
    """
    if setting.startswith(PRIVATE):
        return _parse(setting, "ledger_key")
    path = Path(setting).expanduser() if setting else default
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(10_000)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"ledger_key: {path} cannot be read: {error}") from None
    if mode & _OTHERS:
        raise SettingsError(
            f"ledger_key: others can read {path}, and whoever reads it can sign; chmod 600 {path}"
        )
    return _parse(text.strip(), f"ledger_key: {path}")


def create_key(path: Path, origin: str) -> SigningKey:
    """A new key in a new file, mode 0600, durable; the one that is there if another came first.

    :param origin: name of the ledger and of its key
    :raises SettingsError: when the origin cannot name a key
    :raises OSError: when the file cannot be written
    """
    try:
        key = SigningKey(origin, secrets.token_bytes(32))
    except Malformed as error:
        raise SettingsError(f"origin: {error}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(key.secret_text() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike a rename it never replaces what is there
        except FileExistsError:
            found = read_key(str(path), path)
            assert found is not None
            return found
    finally:
        draft.unlink(missing_ok=True)
        _sync(path.parent)
    return key


def _parse(text: str, where: str) -> SigningKey:
    try:
        return SigningKey.parse(text)
    except Malformed as error:
        raise SettingsError(f"{where}: {error}") from None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
