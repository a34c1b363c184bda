"""Whose signatures count: keys given by whoever verifies, else this machine's, else the database's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from strongroom.audit.merkle import SigningKey, VerifierKey


@dataclass(frozen=True, slots=True)
class Trust:
    """Where verification begins.

    :param keys: believed without further proof; none to believe those in the database
    :param source: where they came from, in words
    """

    keys: tuple[VerifierKey, ...]
    source: str

    @classmethod
    def given(cls, keys: Sequence[VerifierKey]) -> Trust:
        """Keys that whoever verifies has brought along: the only trust that a rewriting of the
        whole machine cannot fake."""
        return cls(tuple(keys), "the keys given")

    @classmethod
    def of_machine(cls, key: SigningKey, lost: Sequence[VerifierKey] = ()) -> Trust:
        """The key that this machine signs with.

        :param lost: keys that its administrator has noted as lost, and those that came after them
        """
        others = tuple(other for other in lost if other != key.verifier)
        noted = ", and the keys noted beside it as lost" if others else ""
        return cls((key.verifier, *others), f"this machine's signing key{noted}")

    @classmethod
    def of_database(cls) -> Trust:
        """The keys that the database itself names: shows damage, but not a rewriting of all of it."""
        return cls((), "the keys in the database itself")
