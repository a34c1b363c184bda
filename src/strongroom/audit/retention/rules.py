"""The rules: how old records may become, how much room they may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from strongroom.audit.events import Stream


class Rule(StrEnum):
    """Because of what something is deleted."""

    MAX_AGE = "max_age"
    MAX_BYTES = "max_bytes"
    NETWORK_AGE = "network_age"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the owner of an installation wants deleted; 0, or no word of a stream, for nothing.

    :param max_age: seconds, by stream: a segment goes when its newest record is older
    :param max_bytes: of the segments of a stream with their entries: the oldest go when there are more
    :param network_age: seconds: the network part of an audit segment goes when its newest record is
        older
    """

    max_age: Mapping[Stream, int] = field(default_factory=dict)
    max_bytes: Mapping[Stream, int] = field(default_factory=dict)
    network_age: int = 0

    @property
    def keeps_everything(self) -> bool:
        """Whether nothing is ever deleted."""
        return not (self.network_age or any(self.max_age.values()) or any(self.max_bytes.values()))


KEEP_EVERYTHING: Final = Rules()
