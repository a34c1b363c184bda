"""Passwords: which are good enough, and their hashes (Argon2id, RFC 9106)."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from strongroom.accounts.names import name_key
from strongroom.errors import Refused, ServerFault

SHORTEST: Final = 12
LONGEST: Final = 1_024
"""Characters. What is longer is not hashed, nor even normalised."""

AT_ONCE: Final = 2
"""Hashes that a process computes side by side: each takes 64 MiB and four threads."""

WAITING: Final = 16
"""Sign-ins that may wait for their turn; more are sent away, lest they take every thread."""

# Of the lists of the most common passwords, those that are long enough; see also _is_common.
_COMMON: Final = frozenset(
    {
        "password1234", "passwordpassword", "password12345", "password123456", "qwertyuiop123",
        "qwertyuiopasdf", "qwertyuiop[]", "qwertyuiop1234", "1q2w3e4r5t6y", "1q2w3e4r5t6y7u8i",
        "1qaz2wsx3edc", "1qaz2wsx3edc4rfv", "zaq12wsxcde3", "asdfghjkl123", "asdfghjklqwe",
        "iloveyou1234", "iloveyouforever", "letmein12345", "letmeinletmein", "welcome12345",
        "welcomewelcome", "administrator", "administrator1", "admin1234567", "adminadminadmin",
        "changeme1234", "changemechangeme", "correcthorsebatterystaple", "correct horse battery staple",
        "trustno1trustno1", "unbelievable", "bubblegum123", "football1234", "baseball1234",
        "monkey123456", "dragon123456", "princess1234", "sunshine1234", "master123456",
        "superman1234", "computer1234", "internet1234", "qwerty123456", "qwerty12345678",
        "abcd12345678", "abc123abc123", "a1b2c3d4e5f6", "123qweasdzxc", "qweasdzxc123",
        "pa55word1234", "p@ssw0rd1234", "passw0rd1234", "strongroom123", "strongroomstrongroom",
    }
)  # fmt: skip


class Passwords:
    """Hashes and verifies, a few at a time. Thread-safe.

    The parameters are the second choice of RFC 9106, section 4 (64 MiB, 3 passes, 4 lanes).
    """

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher.from_parameters(argon2.profiles.RFC_9106_LOW_MEMORY)
        self._turn = threading.Semaphore(AT_ONCE)
        self._places = threading.Semaphore(AT_ONCE + WAITING)
        self._nobody: str | None = None

    def hash(self, password: str) -> str:
        """What is stored of a password.

        :raises ServerFault: 503 ``sign_in_busy``
        """
        with self._in_turn():
            return self._hasher.hash(_bytes(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is that password. Costs the same where there is none.

        :param stored: None where there is no account or it has no password: always False
        :raises ServerFault: 503 ``sign_in_busy``
        """
        if len(password) > LONGEST:
            password = ""  # no password at all, at the usual price
        with self._in_turn():
            if self._nobody is None:
                self._nobody = self._hasher.hash("nobody has this password")
            matches = self._matches(stored or self._nobody, password)
        return matches and stored is not None and password != ""

    def is_dated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than a new one would be."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise ServerFault(
                "sign_in_busy",
                "Too many people are signing in at this moment. Try again in a few seconds.",
                status=503,
            )
        try:
            with self._turn:
                yield
        finally:
            self._places.release()


def check_password(password: str, name: str) -> None:
    """Refuse what would be guessed first. There are no rules on what it is composed of.

    Length and lists, as NIST SP 800-63B advises.

    :param name: of whoever chooses it
    :raises Refused: 400, ``password_…``
    """
    if len(password) > LONGEST:
        raise Refused(
            "password_too_long",
            f"A password may have {LONGEST:,} characters. Choose a shorter one.",
        )
    if len(password) < SHORTEST:
        raise Refused(
            "password_too_short",
            f"A password needs at least {SHORTEST} characters. Four or five words are easy to keep.",
        )
    if any("\ud800" <= character <= "\udfff" for character in password):
        raise Refused("password_not_allowed", "The password is damaged. Type it again.")
    if name_key(password) == name_key(name):
        raise Refused("password_is_name", "The password is the name. Choose another.")
    if _is_common(name_key(password)):
        raise Refused(
            "password_common", "That password is among the first that are guessed. Choose another."
        )


def _bytes(password: str) -> bytes:
    """In NFC, as RFC 8265 says: keyboards write the same letters in different ways."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _is_common(key: str) -> bool:
    """On the list, or a short piece again and again, or a run along the keyboard or alphabet."""
    if key in _COMMON:
        return True
    repeats = (key + key).find(key, 1)
    if repeats < min(len(key), 5):
        return True
    runs = ("0123456789" * 3, "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")
    return any(key in run or key in run[::-1] for run in runs)
