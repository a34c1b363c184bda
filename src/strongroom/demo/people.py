"""Who works in the made-up clinic, from where, and with what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert

from strongroom.accounts.names import name_key
from strongroom.accounts.tables import account
from strongroom.audit.journal.people import person as directory
from strongroom.demo.drawing import uuid7
from strongroom.permissions import Role

_HIRED: Final = 1_735_689_600_000
"""2025-01-01 UTC in milliseconds: when their accounts were made."""

_FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
_CHROME: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)
_SAFARI: Final = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Safari/605.1.15"
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account.

    :param number: tells them apart
    :param share: of the ordinary traffic, compared with the others
    """

    number: int
    name: str
    role: Role
    share: int
    agent: str

    @property
    def user_id(self) -> str:
        """Opaque, as all are."""
        return uuid7(_HIRED + self.number * 86_400_000, self.number * 0x9E3779B97F4A7C15)

    @property
    def desk(self) -> str:
        """The address of the machine they work at."""
        return f"10.4.1.{10 + self.number}"

    @property
    def token_id(self) -> str:
        """Of the token that a program of theirs has."""
        return uuid7(_HIRED + self.number, self.number * 0xBF58476D1CE4E5B9)


_CAST: Final = (
    ("Ana Okafor", Role.ADMIN, 8, _FIREFOX),
    ("Otto Lindqvist", Role.AUDITOR, 0, _SAFARI),
    ("Tom Brandt", Role.MEMBER, 9, _CHROME),
    ("Mia Haddad", Role.MEMBER, 14, _CHROME),
    ("Ben Rossi", Role.MEMBER, 11, _FIREFOX),
    ("Lena Novák", Role.MEMBER, 10, _CHROME),
    ("Dmitri Petrov", Role.MEMBER, 7, _SAFARI),
    ("Chloé Dubois", Role.MEMBER, 12, _CHROME),
    ("Kenji Tanaka", Role.MEMBER, 6, _SAFARI),
    ("Sara Østergaard", Role.MEMBER, 9, _FIREFOX),
    ("Nguyen Thi Lan", Role.MEMBER, 8, _CHROME),
    ("Yusuf Çelik", Role.MEMBER, 6, _CHROME),
)

PEOPLE: Final[Sequence[Person]] = tuple(Person(number, *cast) for number, cast in enumerate(_CAST))
ANA, OTTO, TOM, MIA, BEN, LENA, DMITRI = PEOPLE[:7]


def hire(connection: Connection, last_sign_in_at: int) -> None:
    """Give all of them accounts, without passwords, and enter them in the directory of people.

    :param last_sign_in_at: microseconds since 1970-01-01 UTC
    """
    connection.execute(
        insert(account),
        [
            {
                "user_id": one.user_id,
                "name": one.name,
                "name_key": name_key(one.name),
                "role": one.role.value,
                "disabled": False,
                "created_at": (_HIRED + one.number * 86_400_000) * 1_000,
                "last_sign_in_at": last_sign_in_at,
            }
            for one in PEOPLE
        ],
    )
    named = [{"user_id": one.user_id, "name": one.name} for one in PEOPLE]
    connection.execute(insert(directory), named)
