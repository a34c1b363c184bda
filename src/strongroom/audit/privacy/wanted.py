"""What a forgetting would take, where it looks, and how far it has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strongroom.audit.archive.forgotten import Place, SeqList
from strongroom.audit.archive.holds import Hold
from strongroom.audit.events import Stream
from strongroom.audit.privacy.dropping import refuse_held
from strongroom.audit.privacy.subject import Subject
from strongroom.audit.privacy.traces import MOST, traces_in


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look.

    :param folder: with everything in it
    :param outside: folders in it that are not looked into, such as the content of files
    :param log_file: of the application, if it writes one
    :param also: other folders, such as that of a database that is elsewhere
    """

    folder: Path
    outside: Collection[Path] = ()
    log_file: Path | None = None
    also: Collection[Path] = ()


@dataclass(slots=True)
class Wanted:
    """What a forgetting would take.

    :param counts: records that lose something, by stream
    """

    parts: Collection[str]
    lists: dict[Place, SeqList] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    traces: set[str] = field(default_factory=set)
    holds: Sequence[Hold] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a forgetting has come.

    :param waits: what it waits for, in words; None when it has come to its end
    :param kept: how many of the traces are held elsewhere and so may stay, by where
    :param lines: of log files that were removed
    """

    id: str
    waits: str | None = None
    kept: Mapping[str, int] = field(default_factory=dict)
    lines: int = 0


def take(wanted: Wanted, subject: Subject, found: Mapping[str, Any]) -> None:
    """Add a record to the lists.

    :raises Refused: 409 ``records_held``
    """
    drops = subject.drops(found, wanted.parts)
    if not drops:
        return
    stream, seq = found["stream"], found["seq"]
    refuse_held(wanted.holds, found, stream)
    wanted.counts[stream] += 1
    for part in drops:
        wanted.lists.setdefault((stream, part), SeqList()).add(seq)
    if len(wanted.traces) < MOST:
        wanted.traces.update(traces_in(found, drops))


def statement(
    forgetting_id: str, kind: str, lists: Mapping[Place, SeqList], counts: Mapping[str, int]
) -> dict[str, Any]:
    """What is recorded: of the audit stream each list's digest, of the others the number."""
    audit = Stream.AUDIT.value
    return {
        "forgetting": forgetting_id,
        "kind": kind,
        "lists": {part: seqs.statement() for (of, part), seqs in lists.items() if of == audit},
        "records": dict(sorted(counts.items())),
    }
