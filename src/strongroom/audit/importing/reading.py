"""One line of a foreign log becomes one record, or a reason why not. No line raises.

What the line says of itself decides nothing here: the record is of the stream ``imported``, its id is
ours, and it passes through the same limits and the same search for secrets as every record.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import partial
from typing import Any, Final

from strongroom.audit.events.event import Level, Outcome, Stream
from strongroom.audit.events.fields import FIELDS, Part
from strongroom.audit.events.system import MessageLogged
from strongroom.audit.importing.formats import ACCESS_EVENT, Format
from strongroom.audit.importing.identity import Occurrences, line_digest, record_id
from strongroom.audit.importing.lines import MAX_LINE, Line, parse_object
from strongroom.audit.importing.naming import event_name
from strongroom.audit.importing.times import read_time, time_text
from strongroom.audit.importing.tracebacks import error_fields
from strongroom.audit.importing.values import (
    BY_TYPE,
    READERS,
    cleaned,
    milliseconds,
    searched_text,
    text,
    without_queries,
)
from strongroom.audit.journal import StoredRecord, encode
from strongroom.audit.pipeline.shape import shape
from strongroom.errors import Refused

MAPPABLE: Final = frozenset(
    name for name, field in FIELDS.items() if field.part is not Part.IMPLIED
) - {"id", "exception", "extra", "session_id", "token_id"}
"""Fields that a mapping may name; the others are ours to fill. What others call the id of a session
may be the secret of it."""

_EMPTY: Final = (None, "", "-")
"""What says nothing; nginx writes ``-`` or an empty text for a variable without a value."""

_APART: Final = frozenset({"timestamp", "event"})

Path = tuple[str, tuple[str, ...]]
"""A key as it stands, and the way to it should it be nested: the first that is there counts."""

Reader = Callable[[object], Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a line did not become a record.

    :param reason: without anything that stands in the line
    """

    reason: str


class LineReader:
    """Reads the lines of one file. Use from one thread.

    :param mapping: their keys by our field, tried before those of the format
    :param app: recorded as ``app``, and told apart by it: the same line of two applications is two
        records
    :param zone: where times without an offset were written
    :param latest: microseconds since 1970; a later time is a mistake in the log
    :param reserved: names of events that are evidence here
    :raises Refused: when the mapping names a field that there is not
    """

    def __init__(
        self,
        kind: Format,
        *,
        mapping: Mapping[str, str] | None = None,
        app: str = "",
        zone: tzinfo = UTC,
        latest: int,
        reserved: Container[str] = (),
    ) -> None:
        self.format = kind
        self._mapping = check_mapping(mapping or {})
        self._app = app
        self._zone = zone
        self._latest = latest
        self._reserved = reserved
        keys = dict(kind.fields)
        for ours, theirs in self._mapping.items():
            keys[ours] = (theirs, *keys.get(ours, ()))
        self._paths = {ours: tuple(map(_path, theirs)) for ours, theirs in keys.items()}
        self._plan: Sequence[tuple[str, tuple[Path, ...], Reader]] = [
            (ours, paths, _reader(ours, kind.unit))
            for ours, paths in self._paths.items()
            if ours not in _APART
        ]

    def read(self, line: Line, occurrences: Occurrences) -> StoredRecord | Rejected:
        """The record of a line, ready to be appended.

        :param occurrences: of the file that the line is from
        :raises Unavailable: when these cannot be counted
        """
        if not line.text:
            return Rejected(f"longer than {MAX_LINE:,} bytes")
        given = parse_object(line.text)
        if given is None:
            return Rejected(
                "not a JSON object" if line.ended else "not a JSON object; the line has no end yet"
            )
        try:
            found = self._record(given)
        except Exception as error:  # noqa: BLE001  # one odd line must not stop a million others
            return Rejected(f"cannot be read: {type(error).__name__}")
        if isinstance(found, Rejected):
            return found
        moment, record = found
        record["id"] = self._identify(moment, line.text, occurrences)
        return encode(record, Stream.IMPORTED)

    def _record(self, given: dict[str, Any]) -> tuple[int, dict[str, Any]] | Rejected:
        """The moment and the record, but for its id."""
        used: list[Path] = []
        moment = self._moment(given, used)
        if isinstance(moment, Rejected):
            return moment
        fields: dict[str, Any] = {}
        for ours, paths, reader in self._plan:
            for path in paths:
                value = _find(given, path)
                if value is not None and (read := reader(value)) is not None:
                    fields[ours] = read
                    used.append(path)
                    break
        access = self.format.access is not None and self.format.access <= given.keys()
        title = self._title(given, used, access=access)
        for path in used:
            _remove(given, path)
        level = fields.pop("level", None) or _level_of(fields.get("status"))
        if access and "status" in fields:
            fields.setdefault("outcome", _outcome_of(fields["status"]))
        fields["app"] = self._app or fields.get("app") or self.format.app
        record = {"timestamp": time_text(moment), "level": level}
        return moment, record | shape(self._given(fields, given, title), None)

    def _moment(self, given: dict[str, Any], used: list[Path]) -> int | Rejected:
        there = False
        for path in self._paths["timestamp"]:
            value = _find(given, path)
            there = there or value not in _EMPTY
            moment = read_time(value, self._zone)
            if moment is None:
                continue
            if moment < 0:
                return Rejected("its time lies before 1970")
            if moment > self._latest:
                return Rejected("its time lies in the future")
            used.append(path)
            return moment
        return Rejected("its time cannot be read" if there else "it has no time")

    def _title(self, given: dict[str, Any], used: list[Path], *, access: bool) -> str | None:
        """What the line calls its event; None for the one name of access lines."""
        if access and "event" not in self._mapping:
            # Caddy says the same sentence in each of them.
            used.extend(self._paths.get("event", ()))
            return None
        for path in self._paths.get("event", ()):
            value = text(_find(given, path))
            if value is not None:
                used.append(path)
                return value
        return ""

    def _given(
        self, fields: dict[str, Any], rest: dict[str, Any], title: str | None
    ) -> dict[str, Any]:
        """What ``shape`` is given: our fields, and the rest where it can only go to ``extra``."""
        extra = {name: value for name, value in rest.items() if value not in _EMPTY and value != {}}
        error_fields(extra, fields)
        extra = {
            without_queries(name): cleaned(value, self.format.dropped)
            for name, value in extra.items()
            if name.lower() not in self.format.dropped
        }
        if title is None:
            fields["event"] = ACCESS_EVENT
        else:
            name = event_name(title, self._reserved) if title else MessageLogged.event_name
            fields["event"] = name
            if title not in ("", name):
                extra["event" if "message" in extra else "message"] = title
        # Under our names too the line says what it likes: shape must not take it for ours.
        ours = {name: extra.pop(name) for name in FIELDS.keys() & extra.keys()}
        if ours:
            fields["extra"] = ours
        return fields | extra

    def _identify(self, moment: int, line: bytes, occurrences: Occurrences) -> str:
        digest = line_digest(self._app, line)
        first = record_id(moment, digest)
        earlier = occurrences.earlier(first)
        return record_id(moment, line_digest(self._app, line, earlier)) if earlier else first


def check_mapping(mapping: Mapping[str, str]) -> Mapping[str, str]:
    """The mapping, when all its fields exist.

    :raises Refused: naming the field that does not
    """
    for ours in mapping:
        if ours not in MAPPABLE:
            raise Refused(
                "field_not_valid",
                f"there is no field {ours!r} to map to; there are {', '.join(sorted(MAPPABLE))}",
            )
    return mapping


def _reader(ours: str, unit: float) -> Reader:
    if ours == "duration_ms":
        return partial(milliseconds, unit=unit)
    return READERS.get(ours) or BY_TYPE.get(FIELDS[ours].type, searched_text)


def _path(key: str) -> Path:
    return key, tuple(key.split("."))


def _find(given: dict[str, Any], path: Path) -> object:
    whole, way = path
    if len(way) == 1 or whole in given:
        return given.get(whole)
    found: Any = given
    for step in way:
        if not isinstance(found, dict):
            return None
        found = found.get(step)
    return found


def _remove(given: dict[str, Any], path: Path) -> None:
    whole, way = path
    if given.pop(whole, None) is not None:
        return
    found: Any = given
    for step in way[:-1]:
        found = found.get(step) if isinstance(found, dict) else None
    if isinstance(found, dict):
        found.pop(way[-1], None)


def _level_of(status: int | None) -> str:
    if status is None or status < 400:
        return Level.INFO.value
    return Level.ERROR.value if status >= 500 else Level.WARNING.value


def _outcome_of(status: int) -> str:
    """As our own ``response`` says it."""
    if status >= 500:
        return Outcome.FAILED.value
    return Outcome.DENIED.value if status >= 400 else Outcome.SUCCESS.value
