"""How a ledger is signed: under which name, with which key, and who gets a copy."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strongroom.audit.ledger.keyfile import PRIVATE, create_key, default_origin, read_key
from strongroom.audit.ledger.keys import KeyRing
from strongroom.audit.ledger.places import check_place
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
    :raises SettingsError: when a place for copies is none
    """

    origin: str = ""
    key: str = ""
    copies: tuple[str, ...] = ()
    verify_seconds: float = 24 * 3600.0

    def __post_init__(self) -> None:
        for place in self.copies:
            check_place(place)

    def key_path(self, store: Store) -> Path:
        """Where the key is, unless the setting is the key itself."""
        return Path(self.key).expanduser() if self.key else store.path.with_suffix(".key")

    def anchor_path(self, store: Store) -> Path:
        """Where the newest signed checkpoint is kept outside the database: beside the key's file.

        Beside the database when the key has no file, or nothing can be written beside it.
        """
        if not self.key.startswith(PRIVATE):
            path = self.key_path(store)
            beside = path.with_name(f"{path.name}.signed")
            read_only = path.parent.is_dir() and not os.access(path.parent, os.W_OK)
            if beside.exists() or not read_only:
                return beside
        return store.path.with_name(f"{store.path.name}.signed")

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

        :raises SettingsError: when it cannot be used, is missing though the ledger was signed, or
            a new one cannot be written
        """
        found = self.find_key(store)
        if found is not None:
            return found
        known = KeyRing(store).all()
        if known:
            raise SettingsError(
                f"ledger_key: there is no file {self.key_path(store)}, but the ledger was signed "
                f"with the key {known[-1].verifier}. Put its file back; if it is lost for good: "
                "strongroom ledger rotate --lost"
            )
        anchor = self.anchor_path(store)
        if anchor.exists():
            raise SettingsError(
                f"ledger_key: there is no file {self.key_path(store)}, but {anchor} says that "
                f"records were signed. Put the key's file back; or, for a new ledger, remove {anchor}"
            )
        path = self.key_path(store)
        try:
            return create_key(path, self.origin or default_origin())
        except OSError as error:
            raise SettingsError(
                f"ledger_key: no key can be made in {path}: {error.strerror or error}. Name a file "
                "in a folder that the server can write"
            ) from None


BY_DEFAULT: Final = Signing()
