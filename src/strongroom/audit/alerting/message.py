"""What an alert says: that there are critical records, which, and where to read them.

What leaves the machine cannot be forgotten any more, and mail is read by many. So an alert has of a
record only what is in its entry (enumerations, numbers, opaque ids), no names, texts or addresses; for
the rest there is a link.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from strongroom.audit.events import Level
from strongroom.audit.events.fields import ENTRY_FIELDS
from strongroom.version import __version__

_FIRST: Final = ("event", "reason", "outcome", "timestamp", "stream", "seq", "id", "link")
"""What a reader wants to see first."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One critical record, as far as it is told. Immutable.

    :param told: fields by name, ``stream``, ``seq`` and, where there is one, ``link`` among them
    """

    told: Mapping[str, Any]

    @classmethod
    def of(cls, stream: str, seq: int, entry: bytes, link: str) -> Alert:
        """An alert about a record of the journal.

        :param link: of the viewer, to which the record's id is added; empty for none
        :raises ValueError: when the entry cannot be read
        """
        fields: dict[str, Any] = orjson.loads(entry)
        told = {name: fields[name] for name in fields if name in ENTRY_FIELDS and name != "parts"}
        told |= {"stream": stream, "seq": seq}
        if link:
            told["link"] = f"{link}{told.get('id', '')}"
        return cls(told)

    @property
    def line(self) -> str:
        """It in one line."""
        told = self.told
        why = f" ({told['reason']})" if told.get("reason") else ""
        where = f" {told['link']}" if told.get("link") else ""
        return f"{told.get('timestamp', '')} {told.get('event', '')}{why}{where}".strip()

    @property
    def paragraph(self) -> str:
        """It with every field that is told, one a line."""
        names = [name for name in _FIRST if name in self.told]
        names += sorted(name for name in self.told if name not in _FIRST)
        return "\n".join(f"{name}: {self.told[name]}" for name in names)


@dataclass(frozen=True, slots=True)
class Message:
    """What a destination gets at a time. Immutable.

    :param alerts: oldest first
    :param more: further critical records that are not spelt out
    :param test: whether it is only to show that messages arrive
    """

    alerts: Sequence[Alert]
    more: int = 0
    test: bool = False

    @property
    def subject(self) -> str:
        """It in a few words."""
        if self.test:
            return f"Test of alerts from {socket.gethostname()}"
        count = len(self.alerts) + self.more
        what = str(self.alerts[0].told.get("event", "record"))
        others = f" and {count - 1} more" if count > 1 else ""
        return f"Critical: {what}{others} on {socket.gethostname()}"

    @property
    def text(self) -> str:
        """It in words, a line for each record: for chat programs."""
        lines = [self.subject, *(alert.line for alert in self.alerts), *self._rest()]
        return "\n".join(lines)

    @property
    def letter(self) -> str:
        """It at length: for mail."""
        return "\n\n".join(
            [
                *([self.subject] if self.test else []),
                *(alert.paragraph for alert in self.alerts),
                *self._rest(),
            ]
        )

    def as_json(self) -> bytes:
        """It for programs; ``text`` is what Mattermost, Slack and others of their kind show."""
        return orjson.dumps(
            {
                "text": self.text,
                "source": "strongroom",
                "version": __version__,
                "host": socket.gethostname(),
                "test": self.test,
                "alerts": [dict(alert.told) for alert in self.alerts],
                "more": self.more,
            }
        )

    def _rest(self) -> Sequence[str]:
        return [f"And {self.more:,} further critical records."] if self.more else []


def trial() -> Message:
    """A message that says that it is none."""
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    told = {"event": "alert_test", "level": Level.CRITICAL.value, "timestamp": now}
    return Message([Alert(told)], test=True)
