"""The catalogue: every event an application can log, by name."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from strongroom.audit.events.event import Event


class Catalogue:
    """An immutable set of declared events. Thread-safe.

    :raises ValueError: when two events claim one name
    """

    def __init__(self, *events: type[Event]) -> None:
        self._events: dict[str, type[Event]] = {}
        for event in events:
            if self._events.setdefault(event.event_name, event) is not event:
                raise ValueError(f"two events are called {event.event_name}")

    @classmethod
    def of(cls, *modules: ModuleType) -> Catalogue:
        """All events declared in these modules."""
        return cls(
            *(
                item
                for module in modules
                for item in vars(module).values()
                if isinstance(item, type)
                and issubclass(item, Event)
                and item.__module__ == module.__name__
            )
        )

    def __or__(self, other: Catalogue) -> Catalogue:
        return Catalogue(*self._events.values(), *other)

    def __iter__(self) -> Iterator[type[Event]]:
        return iter(self._events.values())

    def __contains__(self, name: object) -> bool:
        return name in self._events

    def get(self, name: str) -> type[Event] | None:
        """The event of that name, or None."""
        return self._events.get(name)
