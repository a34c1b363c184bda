"""How a ledger is signed: under which name, with which key, and who gets a copy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strongroom.audit.ledger.keyfile import create_key, default_origin, read_key
from strongroom.audit.ledger.keys import KeyRing
from strongroom.audit.merkle import SigningKey
from strongroom.errors import SettingsError
from strongroom.store import Store


@dataclass(frozen=True, slots=True)
class Signing:
    """What the owner of a ledger decides. Immutable.

    :param origin: name of the ledger and of its key, for ever; made up with the key if empty
    :param key: path of the key's file, or the key itself (``PRIVATE+KEY+…``); by default a file
        beside the database
    :param copies: folders and HTTP addresses off this machine that get each new checkpoint
    :param verify_seconds: time between two verifications of everything; 0 for never
    """

    origin: str = ""
    key: str = ""
    copies: tuple[str, ...] = ()
    verify_seconds: float = 24 * 3600.0

    def key_path(self, store: Store) -> Path:
        """Where the key is, unless the setting is the key itself."""
        return Path(self.key).expanduser() if self.key else store.path.with_suffix(".key")

    def find_key(self, store: Store) -> SigningKey | None:
        """The signing key; None while there is none.

        :raises SettingsError: when it cannot be used: it is none, others can read it, or it is of
            another ledger than ``origin`` says
        """
        found = read_key(self.key, self.key_path(store))
        if found is not None and self.origin and found.name != self.origin:
            raise SettingsError(
                f"origin: the ledger is called {self.origin}, but its key is of {found.name}"
            )
        return found

    def load_key(self, store: Store) -> SigningKey:
        """The signing key; a new one at the very beginning.

        :raises SettingsError: when it cannot be used, or is missing though the ledger was signed
        :raises OSError: when a new one cannot be written
        """
        found = self.find_key(store)
        if found is not None:
            return found
        known = KeyRing(store).all()
        if known:
            raise SettingsError(
                f"ledger_key: there is no file {self.key_path(store)}, but the ledger was signed "
                f"with the key {known[-1].verifier}. Put its file back"
            )
        return create_key(self.key_path(store), self.origin or default_origin())


BY_DEFAULT: Final = Signing()
