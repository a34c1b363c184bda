"""Checkpoints held elsewhere: the one thing that shows truncation, rollback and rewriting."""

from __future__ import annotations

import http.client
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from strongroom.audit.ledger.places import shown
from strongroom.audit.ledger.verify.report import Tally
from strongroom.audit.ledger.verify.tree import Claim
from strongroom.audit.merkle import (
    Checkpoint,
    SignedNote,
    Unproven,
    VerifierKey,
    verify_checkpoint,
)
from strongroom.errors import SettingsError, Unavailable

MAX_BYTES: Final = 1_000_000
TIMEOUT_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Outside:
    """What a place elsewhere holds.

    :param place: file or address
    :param content: its bytes, a signed checkpoint if all is well
    """

    place: str
    content: bytes


def read_outside(place: str) -> list[Outside]:
    """The checkpoint in a file or at an address, or all those in a folder.

    :param place: in a folder every file counts, but for those whose names begin with a dot
    :raises SettingsError: when there is no such file, or the folder is empty
    :raises Unavailable: when it cannot be read
    """
    if place.startswith(("http://", "https://")):
        return [Outside(place, _download(place))]
    path = Path(place).expanduser()
    try:
        if not path.is_dir():
            return [Outside(place, _content(path))]
        files = sorted(
            item for item in path.iterdir() if item.is_file() and not item.name.startswith(".")
        )
        found = [Outside(str(item), _content(item)) for item in files]
    except FileNotFoundError:
        raise SettingsError(f"against: there is no {place}") from None
    except OSError as error:
        raise Unavailable(f"{place} cannot be read: {error}") from error
    if not found:
        raise SettingsError(f"against: the folder {place} is empty")
    return found


class Against:
    """Compares the tree with checkpoints held elsewhere.

    :param keys: whose signatures count
    """

    def __init__(self, outside: Sequence[Outside], keys: Sequence[VerifierKey]) -> None:
        covers = "checkpoints held elsewhere are signed, and the entries give their roots"
        self.tally = Tally("against", covers)
        self._keys = keys
        self._heads: list[tuple[str, Checkpoint]] = []
        for item in outside:
            self.tally.count += 1
            try:
                note = SignedNote.parse(item.content)
                self._heads.append((item.place, verify_checkpoint(note, keys)))
            except (Unproven, ValueError) as error:  # the latter also of two keys with one id
                self.tally.fail(f"{item.place}: {error}")
        self._heads.sort(key=lambda found: found[1].size)

    def claims(self) -> Iterator[Claim]:
        """What each says of the tree."""
        for place, head in self._heads:
            yield Claim(head.size, partial(self._compare, place, head))

    def _compare(self, place: str, head: Checkpoint, root: bytes | None) -> None:
        if root is None:
            self.tally.fail(
                f"{place} has {head.size:,} records, which are not all here: the log was cut, "
                "damaged, or taken back to an older state",
                head.size,
            )
        elif root != head.root:
            self.tally.fail(
                f"{place}: the first {head.size:,} records here are not those signed there",
                head.size,
            )


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _download(address: str) -> bytes:
    label = shown(address)
    try:
        with _opener.open(address, timeout=TIMEOUT_SECONDS) as answer:
            content: bytes = answer.read(MAX_BYTES + 1)
            if len(content) <= MAX_BYTES and answer.length:
                raise http.client.IncompleteRead(content, answer.length)
    # What no server says makes the standard library raise the last two.
    except (OSError, ValueError, http.client.HTTPException) as error:
        told = str(error) or type(error).__name__
        raise Unavailable(f"{label} cannot be read: {told!a:.200}") from error
    if len(content) > MAX_BYTES:
        raise Unavailable(f"{label} answers with more than {MAX_BYTES:,} bytes: no checkpoint")
    return content


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Who was asked must answer: elsewhere may be this very machine."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Not followed: the answer is an error."""


_opener: Final = urllib.request.build_opener(_NoRedirects)
