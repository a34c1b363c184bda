"""An event is a small frozen type, declared once; a record is one instance of it, logged.

Logging an instance instead of a string makes a typo in an event or field name fail in type
checking, and fixes stream and level in one place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeVar, cast, dataclass_transform

from strongroom.audit.events.fields import CONTEXT_FIELDS, FIELDS


class Stream(StrEnum):
    """Where a record goes, and so how durable it is."""

    AUDIT = "audit"
    """Evidence: durable before the response leaves, and in the ledger."""
    OPS = "ops"
    """Day-to-day operation: committed at most 50 ms later, not in the ledger."""
    IMPORTED = "imported"
    """Other programs' logs: durable when the import returns, no evidence, not in the ledger."""


class Level(StrEnum):
    """How much a record matters. Fixed by the catalogue, never chosen at the call site."""

    DEBUG = "debug"
    INFO = "info"
    """It worked."""
    WARNING = "warning"
    """The client was refused or made a mistake."""
    ERROR = "error"
    """The server failed."""
    CRITICAL = "critical"
    """The evidence itself is in danger."""

    @property
    def severity_number(self) -> int:
        """OpenTelemetry SeverityNumber (log data model, 2023)."""
        return _SEVERITY[self]


_SEVERITY: Final = {
    Level.DEBUG: 5,
    Level.INFO: 9,
    Level.WARNING: 13,
    Level.ERROR: 17,
    Level.CRITICAL: 21,
}


class Outcome(StrEnum):
    """How the act ended."""

    SUCCESS = "success"
    DENIED = "denied"
    FAILED = "failed"


class Event:
    """Base of all declared events. Declare one with :func:`declare`."""

    __slots__ = ()

    event_name: ClassVar[str]
    stream: ClassVar[Stream]
    levels: ClassVar[Mapping[Outcome | None, Level]]
    """Level for each outcome the event can have; the key is None where it is no act."""
    fixed_outcome: ClassVar[Outcome | None]
    """The one outcome it can have; None where the instance says, or where it is no act."""
    field_names: ClassVar[tuple[str, ...]]

    def level(self) -> Level:
        """The level that the catalogue fixes for this event and outcome."""
        return self.levels[getattr(self, "outcome", self.fixed_outcome)]

    def values(self) -> dict[str, Any]:
        """Its fields by name, without those that are None; ``outcome`` included."""
        found: dict[str, Any] = {}
        if self.fixed_outcome is not None:
            found["outcome"] = self.fixed_outcome
        for name in self.field_names:
            value = getattr(self, name)
            if value is not None:
                found[name] = value
        return found


E = TypeVar("E", bound=Event)

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def declare(
    name: str,
    *,
    stream: Stream,
    levels: Level | Mapping[Outcome, Level],
    own_fields: bool = False,
) -> Callable[[type[E]], type[E]]:
    """Make a class an event: frozen, keyword-only, its fields checked against the vocabulary.

    :param name: snake_case, noun and past verb: ``file_uploaded``
    :param levels: a level for an event that is no act (``request``); else a level per outcome.
        With one outcome it is implied; with several the class has a field ``outcome``.
    :param own_fields: allow fields outside the vocabulary; they are stored in ``extra``
    :raises TypeError: when the name or a field is not in the vocabulary
    """

    def decorate(cls: type[E]) -> type[E]:
        doc = cls.__doc__  # dataclass() would write one of its own where there is none
        event: type[E] = dataclass(frozen=True, kw_only=True, slots=True)(cls)
        names = tuple(field.name for field in fields(event))  # type: ignore[arg-type]  # made one above
        by_outcome: dict[Outcome | None, Level] = (
            {None: levels}
            if isinstance(levels, Level)
            else cast("dict[Outcome | None, Level]", dict(levels))
        )
        _check(name, names, by_outcome, doc)
        _check_vocabulary(name, names, own_fields=own_fields)
        event.event_name = name
        event.stream = stream
        event.levels = MappingProxyType(by_outcome)
        event.fixed_outcome = next(iter(by_outcome)) if len(by_outcome) == 1 else None
        event.field_names = names
        return event

    return decorate


def _check(
    name: str,
    names: tuple[str, ...],
    levels: Mapping[Outcome | None, Level],
    doc: str | None,
) -> None:
    if not _NAME.fullmatch(name):
        raise TypeError(f"event name {name!r} is not snake_case")
    if not doc or doc == Event.__doc__:
        raise TypeError(f"event {name} needs a docstring that says what happened")
    if bound := sorted(set(names) & CONTEXT_FIELDS - {"method", "path"}):
        raise TypeError(f"event {name}: bound by the pipeline, not declared: {', '.join(bound)}")
    if not levels:
        raise TypeError(f"event {name} needs a level")
    if (len(levels) > 1) != ("outcome" in names):
        raise TypeError(
            f"event {name}: a field 'outcome' goes with several outcomes, and only then"
        )


def _check_vocabulary(name: str, names: tuple[str, ...], *, own_fields: bool) -> None:
    unknown = sorted(set(names) - FIELDS.keys())
    if unknown and not own_fields:
        raise TypeError(f"event {name}: not in the vocabulary of fields: {', '.join(unknown)}")
    if badly_named := [field for field in unknown if not _NAME.fullmatch(field)]:
        raise TypeError(f"event {name}: fields are not snake_case: {', '.join(badly_named)}")
