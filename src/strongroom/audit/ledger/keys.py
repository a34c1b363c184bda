"""The keys that have signed the ledger, in their order, and how one vouches for the next.

Each key but the first has a hand-over: a statement signed by the key before it, which that key signs
for nothing but a change of keys. Whoever trusts one key so can follow the chain to the others, without
trusting the table that it is written in. The ``signing_key_changed`` record and the second signature on
the first checkpoint announce it, and would show nothing alone: the server signs whatever stands in the
journal, and anybody can add a signature to a checkpoint that is out in the world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from strongroom.audit.ledger.handover import Handover
from strongroom.audit.ledger.tables import ledger_key
from strongroom.audit.merkle import Malformed, SigningKey, VerifierKey
from strongroom.errors import Corrupt, SettingsError
from strongroom.store import Store


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key of the ledger.

    :param first_size: of the first checkpoint that it signed; None while it has not signed
    :param handover: as stored, unchecked; None for the first key, and where the one before was lost
    """

    number: int
    verifier: VerifierKey
    first_size: int | None
    handover: bytes | None = None


class KeyRing:
    """The ledger's keys, oldest first. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[KnownKey]:
        """Every key that has signed or is about to.

        :raises Corrupt: when what is stored is no key
        """
        with self._store.read() as connection:
            return known_keys(connection)

    def verifiers(self) -> list[VerifierKey]:
        """What verifiers need of them.

        :raises Corrupt: as :meth:`all`
        """
        return [known.verifier for known in self.all()]


def known_keys(connection: Connection) -> list[KnownKey]:
    """Every key of the ledger, oldest first.

    :raises Corrupt: when what is stored is no key
    """
    rows = connection.execute(select(ledger_key).order_by(ledger_key.c.number)).all()
    try:
        return [
            KnownKey(row.number, VerifierKey.parse(row.verifier_key), row.first_size, row.handover)
            for row in rows
        ]
    except Malformed as error:
        raise Corrupt(f"the keys of the ledger: {error}") from None


def admit(connection: Connection, signers: Sequence[SigningKey], size: int) -> None:
    """Note that the first of these signs from this size on, if it is new.

    Only while keys are changed are both at hand, and only then do they sign a hand-over.

    :param signers: the key that signs, and then the one before it, while keys are changed
    :raises SettingsError: when it is another key than before and that one does not sign as well
    """
    known = known_keys(connection)
    newest = known[-1] if known else None
    signing = signers[0].verifier
    if newest is None or newest.verifier != signing:
        before = [key for key in signers[1:] if newest and key.verifier == newest.verifier]
        if newest is not None and not before:
            raise SettingsError(
                f"ledger_key: this is the key {signing}, but the ledger was signed with "
                f"{newest.verifier} so far. Put that one back, or change keys with "
                "strongroom ledger rotate"
            )
        if signing in {key.verifier for key in known}:
            raise SettingsError(f"ledger_key: {signing} was given up before; make a new one")
        row = {"number": len(known), "verifier_key": str(signing), "first_size": size}
        handover = _handed_over(before[0], signers[0], size) if before else None
        connection.execute(insert(ledger_key), row | {"handover": handover})
    elif newest.first_size is None:
        connection.execute(
            update(ledger_key).where(ledger_key.c.number == newest.number).values(first_size=size)
        )


def add_after_loss(connection: Connection, key: VerifierKey) -> None:
    """Let this key sign next, without a hand-over: the one before it is lost.

    :raises SettingsError: when it has been the ledger's before
    """
    known = known_keys(connection)
    if key in {before.verifier for before in known}:
        raise SettingsError(f"ledger_key: {key} was given up before; make a new one")
    row = {"number": len(known), "verifier_key": str(key), "first_size": None, "handover": None}
    connection.execute(insert(ledger_key), row)


def _handed_over(old: SigningKey, new: SigningKey, size: int) -> bytes:
    return Handover(old.name, old.verifier, new.verifier, size).sign(old, new).to_bytes()
