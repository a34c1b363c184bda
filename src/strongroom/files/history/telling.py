"""A record of a file in words: what was done, by whom, from where, and what came of it.

Everything that a client may have chosen is written with its invisible characters made visible.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from strongroom.audit.pipeline.render import escape
from strongroom.files import events
from strongroom.files.notices import REASONS
from strongroom.sizes import size_text

Record = Mapping[str, Any]


class Mark(StrEnum):
    """What kind of act it was, told by shape and colour."""

    ACT = "act"
    SOUND = "sound"
    """The stored bytes were read, and were right."""
    LOOK = "look"
    REFUSED = "refused"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Told:
    """One line of a history.

    :param act: what was done, without who did it: ``Downloaded``
    :param joint: what stands between that and the name: ``by``, ``to``; empty where it was nobody
    :param who: a name while it is known, else an id; empty where it was nobody
    :param details: what else there is to say of it, in a few words each
    :param place: from where, in a few words each
    """

    mark: Mark
    act: str
    joint: str
    who: str
    details: tuple[str, ...]
    place: tuple[str, ...]


_REASONS: Final[Mapping[str, str]] = {
    **REASONS,
    "permission_missing": "they may not",
    "permission_revoked": "they may not any more",
    "file_not_found": "it was not to be found there",
    "range_not_satisfiable": "the file has no such bytes",
    "filename_taken": "something else has that name",
    "content_missing": "the stored bytes are gone",
    "content_damaged": "the stored bytes are not those that were uploaded",
    "content_not_readable": "the stored bytes could not be read",
    "journal_not_writable": "it could not have been recorded",
}

_AGENTS: Final = (
    # A browser names those it descends from as well, so the order counts.
    (re.compile(r"\bEdg(?:e|A|iOS)?/(\d+)"), "Edge"),
    (re.compile(r"\bOPR/(\d+)"), "Opera"),
    (re.compile(r"\b(?:Firefox|FxiOS)/(\d+)"), "Firefox"),
    (re.compile(r"\b(?:Headless)?(?:Chrome|CriOS|Chromium)/(\d+)"), "Chrome"),
    (re.compile(r"\bVersion/(\d+)\S* (?:Mobile/\S+ )?Safari/"), "Safari"),
)
_PROGRAM: Final = re.compile(r"([A-Za-z][\w.-]{0,40})/(\d[\w.-]{0,20})")
_LONGEST_AGENT: Final = 60


def told(record: Record, *, network_forgotten: bool = False) -> Told:
    """The record in words.

    :param network_forgotten: whether its address and agent are not kept any more
    """
    tell = _TOLD.get(record["event"], _unknown)
    mark, act, joint, details = tell(record)
    who = record.get("user", record.get("user_id"))
    if not isinstance(who, str):
        who, joint = "", ""
        if "request_id" not in record:
            act = f"{act} by the server itself"
    place = tuple(map(escape, _place(record, network_forgotten=network_forgotten)))
    return Told(mark, act, joint, escape(who), tuple(map(escape, details)), place)


def agent_name(agent: str) -> str:
    """The client's program in a word and a number: ``Firefox 145``, ``curl 8.14``."""
    for pattern, name in _AGENTS:
        if found := pattern.search(agent):
            return f"{name} {found[1]}"
    if found := _PROGRAM.match(agent):
        return f"{found[1]} {found[2]}"
    return agent if len(agent) <= _LONGEST_AGENT else f"{agent[: _LONGEST_AGENT - 1]}…"


def why(reason: Any) -> str:
    """A reason in words."""
    text = str(reason or "")
    return _REASONS.get(text, text.replace("_", " "))


def _place(record: Record, *, network_forgotten: bool) -> Iterator[str]:
    if network_forgotten:
        yield "address and program not kept any more"
        return
    for name in ("ip_address", "user_agent"):
        if isinstance(value := record.get(name), str):
            yield agent_name(value) if name == "user_agent" else value
    if "token_id" in record:
        yield "with an API token"


_Words = tuple[Mark, str, str, list[str]]


def _size(record: Record) -> list[str]:
    size = record.get("file_size_bytes")
    return [size_text(size)] if isinstance(size, int) else []


def _named(record: Record) -> list[str]:
    name = record.get("filename")
    return [f"as “{name}”"] if isinstance(name, str) else []


def _in_folder(record: Record) -> list[str]:
    folder = record.get("folder")
    return [f"in {folder}"] if isinstance(folder, str) else []


def _short(digest: Any) -> str:
    return f"{str(digest)[:12]}…"


def _uploaded(record: Record) -> _Words:
    more = [*_size(record), *([record["content_type"]] if "content_type" in record else [])]
    more.append(f"SHA-256 {_short(record.get('sha256'))}")
    if "previous_sha256" in record:
        more.append(f"in place of {_short(record['previous_sha256'])}")
        return Mark.ACT, "New content uploaded", "by", more
    return Mark.ACT, "Uploaded", "by", [*_named(record), *_in_folder(record), *more]


def _downloaded(record: Record) -> _Words:
    if "range" in record:
        return Mark.ACT, "A part downloaded", "by", [f"bytes {record['range']}", *_size(record)]
    return Mark.ACT, "Downloaded", "by", _size(record)


def _failed(act: str) -> Callable[[Record], _Words]:
    def tell(record: Record) -> _Words:
        details = [why(record.get("reason")), *_named(record), *_in_folder(record)]
        if record.get("outcome") == "failed":
            return Mark.WRONG, f"{act} failed", "for", details
        return Mark.REFUSED, f"{act} refused", "to", details

    return tell


def _damaged(record: Record) -> _Words:
    return Mark.WRONG, "Stored bytes found damaged", "by", [why(record.get("reason"))]


def _checked(record: Record) -> _Words:
    digest = f"SHA-256 {_short(record.get('sha256'))}"
    if record.get("outcome") == "success":
        words = "Stored bytes match the recorded SHA-256, checked"
        return Mark.SOUND, words, "by", [digest, *_size(record)]
    words = "Stored bytes do not match what was recorded, checked"
    return Mark.WRONG, words, "by", [why(record.get("reason")), digest]


def _renamed(record: Record) -> _Words:
    names = f"from “{record.get('previous_filename', '?')}” to “{record.get('filename', '?')}”"
    return Mark.ACT, "Renamed", "by", [names]


def _moved(record: Record) -> _Words:
    way = f"from {record.get('previous_folder', '?')} to {record.get('folder', '?')}"
    renamed = record.get("previous_filename") != record.get("filename")
    return Mark.ACT, "Moved", "by", [way, *(_named(record) if renamed else [])]


def _restored_content(record: Record) -> _Words:
    digests = f"{_short(record.get('sha256'))} in place of {_short(record.get('previous_sha256'))}"
    return Mark.ACT, "Earlier content made current again", "by", [digests]


def _purged(record: Record) -> _Words:
    digest = f"SHA-256 {_short(record.get('sha256'))}"
    return Mark.ACT, "Content deleted for good", "by", [*_size(record), digest]


def _plain(act: str, mark: Mark = Mark.ACT) -> Callable[[Record], _Words]:
    def tell(record: Record) -> _Words:
        return mark, act, "by", [*_named(record), *_in_folder(record)]

    return tell


def _unknown(record: Record) -> _Words:
    reason = [why(record["reason"])] if "reason" in record else []
    mark = {"denied": Mark.REFUSED, "failed": Mark.WRONG}.get(record.get("outcome", ""), Mark.ACT)
    return mark, str(record["event"]).replace("_", " ").capitalize(), "by", reason


_TOLD: Final[Mapping[str, Callable[[Record], _Words]]] = {
    events.FileUploaded.event_name: _uploaded,
    events.UploadFailed.event_name: _failed("Upload under its name"),
    events.FileDownloaded.event_name: _downloaded,
    events.DownloadFailed.event_name: _failed("Download"),
    events.ContentDamaged.event_name: _damaged,
    events.ContentChecked.event_name: _checked,
    events.FileDeleted.event_name: _plain("Moved to the trash"),
    events.DeleteFailed.event_name: _failed("Deletion"),
    events.FileRestored.event_name: _plain("Restored from the trash"),
    events.FilePurged.event_name: _purged,
    events.FileRenamed.event_name: _renamed,
    events.FileMoved.event_name: _moved,
    events.VersionRestored.event_name: _restored_content,
    events.ChangeFailed.event_name: _failed("Change"),
    events.ChangeNotNeeded.event_name: _plain("Change asked for that was so already"),
    events.VersionsListed.event_name: _plain("Its versions looked at", Mark.LOOK),
    events.HistoryViewed.event_name: _plain("This history looked at", Mark.LOOK),
}
