"""Records as an installation of some years has them: made up, and the same in every run.

A visit is a request (ops), for most of them what came of it (audit), and a response (ops). People,
addresses and files are skewed as in life: a few are seen all the time, most now and then, some once.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from typing import Any, Final

from strongroom.audit.events import Stream
from strongroom.audit.journal.stored import timestamp_text
from strongroom.demo.drawing import Skewed, uuid7

Record = dict[str, Any]

START: Final = 1_704_103_200_000_000
"""2024-01-01 10:00 UTC in microseconds."""

PEOPLE: Final = 400
ADDRESSES: Final = 6_000
FILES: Final = 250_000
ONCE: Final = 0.001
"""Share of the visits that come from an address seen nowhere else."""

_WORDS: Final = [
    "report",
    "invoice",
    "scan",
    "letter",
    "contract",
    "x-ray",
    "lab",
    "result",
    "referral",
    "consent",
    "discharge",
    "budget",
    "minutes",
    "draft",
    "signed",
    "appendix",
    "photo",
    "statement",
    "insurance",
    "intake",
    "history",
    "plan",
    "audit",
    "sample",
    "protocol",
]
_NAMES: Final = [
    "Meyer",
    "Okafor",
    "Nguyen",
    "Silva",
    "Kowalski",
    "García",
    "Müller",
    "Østergaard",
    "Rossi",
    "Çelik",
    "Dubois",
    "Novák",
    "Petrov",
    "Tanaka",
    "Haddad",
    "O'Brien",
    "Lindqvist",
    "Mbeki",
    "Fernández",
    "Schäfer",
]
_TYPES: Final = (
    ("pdf", "application/pdf"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("jpg", "image/jpeg"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("dcm", "application/dicom"),
    ("zip", "application/zip"),
)
_SYSTEMS: Final = (
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
    "iPhone; CPU iPhone OS 18_1 like Mac OS X",
)
_ACTS: Final = (
    # event, method, share, level, outcome, status
    ("file_downloaded", "GET", 45, "info", "success", 200),
    ("files_listed", "GET", 25, "info", "success", 200),
    ("file_uploaded", "PUT", 12, "info", "success", 201),
    (None, "GET", 10, "info", None, 304),
    ("file_renamed", "PATCH", 2, "info", "success", 200),
    ("file_deleted", "DELETE", 2, "info", "success", 200),
    ("download_failed", "GET", 2.4, "warning", "denied", 404),
    ("access_denied", "GET", 0.9, "warning", "denied", 403),
    ("login_failed", "POST", 0.5, "warning", "denied", 401),
    ("upload_failed", "PUT", 0.2, "error", "failed", 500),
)
_ACT_SHARES: Final = tuple(accumulate(act[2] for act in _ACTS))


@dataclass(frozen=True, slots=True)
class _File:
    """One file of the made-up installation, by its number."""

    number: int

    @property
    def name(self) -> str:
        kind = _TYPES[self.number % 7 % len(_TYPES)][0]
        word, other = _WORDS[self.number % len(_WORDS)], _WORDS[self.number // 7 % len(_WORDS)]
        person = _NAMES[self.number // 3 % len(_NAMES)]
        return f"{person} {word} {other} {self.number:06}.{kind}"

    @property
    def folder(self) -> str:
        return f"/{_NAMES[self.number // 3 % len(_NAMES)]}/{2010 + self.number % 16}"

    @property
    def content_type(self) -> str:
        return _TYPES[self.number % 7 % len(_TYPES)][1]

    @property
    def digest(self) -> bytes:
        return sha256(self.number.to_bytes(8, "big")).digest()

    @property
    def id(self) -> str:
        digest = self.digest
        return uuid7(START // 1000 - self.number * 1_000, int.from_bytes(digest[:10], "big"))


def traffic(
    records: int, *, seed: int = 7, per_day: int = 90_000
) -> Iterator[tuple[Stream, Record]]:
    """So many records in the order of time, ready to be encoded.

    :param per_day: records on an average day; nights and weekends are quiet
    """
    source = random.Random(seed)  # the same in every run
    people, addresses, files = Skewed(PEOPLE, 0.9), Skewed(ADDRESSES, 0.8), Skewed(FILES, 0.7)
    agents = Skewed(120, 1.0)
    pause = 86_400_000_000 * 2.6 / per_day
    moment, made = float(START), 0
    while made < records:
        moment = _next_moment(source, moment, pause)
        who = people.draw(source)
        visit = _visit(source, int(moment), who, agents.draw(source))
        visit["ip_address"] = _address(source, addresses, who)
        for stream, record in _acts(source, int(moment), visit, _File(files.draw(source))):
            yield stream, record
            made += 1
            if made == records:
                return


def _next_moment(source: random.Random, moment: float, pause: float) -> float:
    hour = moment / 3_600_000_000 % 24
    weekend = moment / 86_400_000_000 % 7 < 2
    quiet = 8.0 if hour < 6 or hour > 20 else 1.0
    return moment + source.expovariate(1.0) * pause * quiet * (4.0 if weekend else 1.0) / 2.2


def _address(source: random.Random, addresses: Skewed, who: int) -> str:
    if source.random() < ONCE:
        number = source.getrandbits(31)
        return f"{100 + number % 90}.{number >> 8 & 255}.{number >> 16 & 255}.{number >> 23 & 255}"
    if source.random() < 0.7:
        return f"10.4.{who // 250}.{who % 250}"  # at their own desk
    number = addresses.draw(source)
    if number % 11 == 0:
        return f"2001:db8:{number + 1:x}::{number % 251 + 1:x}"
    return f"10.{20 + number % 6}.{number // 6 % 250}.{number % 249 + 1}"


def _visit(source: random.Random, moment: int, who: int, agent: int) -> Record:
    session = source.randrange(40)
    digest = sha256(b"%d-%d" % (who, session)).digest()
    day = moment - moment % 86_400_000_000
    return {
        "request_id": uuid7(moment // 1000, source.getrandbits(74)),
        "user_id": uuid7(START // 1000 - who * 86_400_000, who * 7_919),
        "session_id": uuid7(day // 1000, int.from_bytes(digest[:9], "big") + day),
        "peer_address": "127.0.0.1",
        "user_agent": (
            f"Mozilla/5.0 ({_SYSTEMS[agent % 4]}) AppleWebKit/537.36 (KHTML, like Gecko) "
            f"Chrome/{120 + agent % 30}.0.0.0 Safari/537.36"
        ),
        "app": "strongroom",
        "version": "0.1.0",
        "host": "files",
        "pid": 4_200 + moment // 86_400_000_000 % 2,
    }


def _acts(
    source: random.Random, moment: int, visit: Record, file: _File
) -> Iterator[tuple[Stream, Record]]:
    event, method, _, level, outcome, status = _ACTS[
        bisect(_ACT_SHARES, source.random() * _ACT_SHARES[-1])
    ]
    on_file = event not in (None, "files_listed", "login_failed")
    path = f"/api/v1/files{file.folder}/{file.name}" if on_file else f"/folders{file.folder}"
    duration = round(source.lognormvariate(2.2, 1.1), 3)
    common = visit | {"method": method, "path": path}
    yield Stream.OPS, _named(source, moment, common | {"event": "request", "level": "info"})
    if event is not None:
        act = common | {"event": event, "level": level, "outcome": outcome, "status": status}
        if on_file:
            act |= _of_file(file)
        if level != "info":
            act |= _trouble(source, event, status)
        yield Stream.AUDIT, _named(source, moment + int(duration * 600), act)
    size = int(source.lognormvariate(12.5, 1.8))
    yield (
        Stream.OPS,
        _named(
            source,
            moment + int(duration * 1000),
            common
            | {"event": "response", "level": level if status >= 500 else "info", "status": status}
            | {"duration_ms": duration, "aborted": False}
            | {
                "bytes_in": size if method == "PUT" else 0,
                "bytes_out": size if method == "GET" else 90,
            },
        ),
    )


def _of_file(file: _File) -> Record:
    return {
        "file_id": file.id,
        "file_size_bytes": int.from_bytes(file.digest[:3], "big"),
        "content_type": file.content_type,
        "sha256": file.digest.hex(),
        "filename": file.name,
        "folder": file.folder,
    }


def _trouble(source: random.Random, event: str, status: int) -> Record:
    if status < 500:
        return {
            "reason": {404: "file_not_found", 403: "no_permission", 401: "wrong_password"}[status]
        }
    line = source.randrange(40, 400)
    message = f"[Errno 28] No space left on device while writing block {source.randrange(10**6)}"
    frames = [
        {"file": f"strongroom/files/{name}.py", "line": line + at * 17, "function": name}
        for at, name in enumerate(("uploads", "receiving", "blobs", "local"))
    ]
    return {
        "reason": f"{event}_by_disk",
        "error_type": "OSError",
        "error_msg": message,
        "exception": [{"type": "OSError", "message": message, "frames": frames}],
    }


def _named(source: random.Random, moment: int, record: Record) -> Record:
    """With its time and its id."""
    name = uuid7(moment // 1000, source.getrandbits(74))
    return {"timestamp": timestamp_text(moment), "id": name} | record
