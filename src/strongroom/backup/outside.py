"""What is known elsewhere of the ledger that a backup is of: whether later records were signed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from strongroom.audit.ledger.places import shown
from strongroom.audit.ledger.verify import Outside, read_outside
from strongroom.audit.merkle import (
    Checkpoint,
    Malformed,
    SignedNote,
    Unproven,
    VerifierKey,
    verify_checkpoint,
)
from strongroom.backup.layout import DATABASE
from strongroom.backup.snapshot import State, reading, state
from strongroom.errors import SettingsError, StrongroomError, Unavailable


@dataclass(frozen=True, slots=True)
class Later:
    """A checkpoint that covers more records than the backup has.

    :param proven: whether a key that the backup knows has signed it; else a key may have come later
    """

    place: str
    size: int
    note: str
    proven: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What was found.

    :param later: the largest first
    :param earlier: checkpoints that the backup must continue
    :param unasked: places that are set, and why nothing could be learnt from them
    """

    later: Sequence[Later] = ()
    earlier: Sequence[Outside] = ()
    unasked: Sequence[str] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether nobody could be asked: then nobody can tell whether records are lost."""
        return not self.later and not self.earlier


@dataclass(slots=True)
class _Found:
    later: list[Later] = field(default_factory=list)
    earlier: list[Outside] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)


class Elsewhere:
    """Where to look.

    :param given: files, folders and addresses of checkpoints, or folders of other installations of
        this ledger; each must have something to say
    :param set_places: that are set to get copies; one that cannot be asked is noted
    :param anchors: files that keep what was signed last, beside the key; they need not be there
    """

    def __init__(
        self,
        given: Sequence[str] = (),
        set_places: Sequence[str] = (),
        anchors: Sequence[Path] = (),
    ) -> None:
        self._given = given
        self._set = set_places
        self._anchors = anchors

    def look(self, here: State, keys: Sequence[VerifierKey], copied: Mapping[str, int]) -> Known:
        """Compare what is there with the backup.

        :param keys: whose signatures count
        :param copied: what the places are known to have taken: records, by the place's name
        :raises SettingsError: when a place that was given has no checkpoint of this ledger
        :raises Unavailable: when it cannot be read
        """
        found = _Found()
        for place in self._given:
            notes = list(_of_ledger(_read(place), here.origin))
            if not notes:
                raise SettingsError(
                    f"against: {shown(place)} holds no checkpoint of the ledger {here.origin}"
                )
            _sort(found, notes, here, keys)
        for path in self._anchors:
            if path.exists():
                _sort(found, _of_ledger(read_outside(str(path)), here.origin), here, keys)
        for place in self._set:
            try:
                notes = list(_of_ledger(read_outside(place), here.origin))
            except (SettingsError, Unavailable) as error:
                found.unasked.append(str(error).removeprefix("against: "))
                continue
            if not notes and shown(place) in copied:
                found.unasked.append(
                    f"{shown(place)} holds nothing of this ledger, though it took a copy of "
                    f"{copied[shown(place)]:,} records"
                )
            _sort(found, notes, here, keys)
        found.later.sort(key=lambda later: later.size, reverse=True)
        return Known(found.later, found.earlier, found.unasked)


def _read(place: str) -> list[Outside]:
    """The checkpoints of a place, or of another installation's data folder."""
    folder = Path(place).expanduser()
    database = folder / DATABASE
    if "://" in place or not database.is_file():
        return read_outside(place)
    found = [Outside(str(path), path.read_bytes()[:1_000_000]) for path in folder.glob("*.signed")]
    try:
        with reading(database) as connection:
            found.append(Outside(str(database), state(connection).checkpoint))
    except (DBAPIError, StrongroomError) as error:
        if not found:
            raise Unavailable(f"{database} cannot be read: {error}") from error
    return found


def _of_ledger(
    outside: Iterable[Outside], origin: str
) -> Iterator[tuple[Outside, SignedNote, Checkpoint]]:
    """Those that are checkpoints, and of this ledger: a folder may hold those of several."""
    for item in outside:
        try:
            note = SignedNote.parse(item.content)
            head = Checkpoint.parse(note.text)
        except Malformed:
            continue
        if head.origin == origin or not origin:
            yield item, note, head


def _sort(
    found: _Found,
    notes: Iterable[tuple[Outside, SignedNote, Checkpoint]],
    here: State,
    keys: Sequence[VerifierKey],
) -> None:
    for item, note, head in notes:
        if head.size <= here.records:
            found.earlier.append(item)
            continue
        try:
            verify_checkpoint(note, keys)
            proven = True
        except (Unproven, ValueError):  # the latter of two keys with one id
            proven = False
        place = shown(item.place)
        found.later.append(Later(place, head.size, note.to_bytes().decode(), proven))
