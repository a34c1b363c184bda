"""What must be shown of every route, and the requests that show it.

Completeness is a promise: whatever a request comes to, it leaves one ``request``, one ``response``,
and an outcome event where the catalogue has one. A route belongs to a kind, a kind has outcomes, and
:func:`gaps` tells which outcome of which route no example shows.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

RECORD = "01980000-0000-7000-8000-000000000000"
FILE = "example.txt"
HERE = f"/delete/{FILE}"
SOURCE = Path(__file__).parents[2] / "src" / "strongroom"

Route = tuple[str, str]
"""Method and rule, the rule without the names of its variables."""


class State(StrEnum):
    """In which condition the server is when it is asked."""

    SOUND = "sound"
    SMALL = "takes small files only"
    FULL = "disk full"
    BROKEN = "table of files lost"
    MUTE = "journal cannot be written"
    BLIND = "journal lost"
    UNSIGNED = "nothing signed"
    TORN = "ledger lost"
    HOLLOW = "tiles lost"


@dataclass(frozen=True)
class Example:
    """A request and what must come of it.

    :param events: outcome events, beside ``request`` and ``response``; None stands for requests
        that are counted instead of recorded
    :param leaves: the client sends half of the body, or reads half of the answer, and is gone
    """

    method: str
    rule: str
    target: str
    status: int
    events: tuple[str, ...] | None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    state: State = State.SOUND
    reason: str | None = None
    leaves: bool = False

    @property
    def route(self) -> Route:
        """The route that it belongs to."""
        return self.method, plain(self.rule)

    @property
    def outcome(self) -> str:
        """What of its route it shows: status and reason, or that the client left."""
        if self.leaves:
            return f"{self.status} left"
        return f"{self.status} {self.reason}" if self.reason else str(self.status)


def plain(rule: str) -> str:
    """A rule whatever its converters and names are called."""
    return re.sub("<[^>]*>", "<>", rule)


_DOOR = {"421 host_not_allowed", "403 origin_not_allowed"}
_NAME = {
    "400 filename_empty", "400 filename_not_allowed", "400 filename_too_long", "409 filename_taken",
}  # fmt: skip
_STORED = {"507 storage_full", "500 storage_failed", "503 journal_not_writable", "400 left"}
_SHOWN = {"200", "500 list_error", "503 journal_not_writable", *_DOOR}
_LISTED = {"400 cursor_not_valid", "400 sort_not_valid", "404 folder_not_found", *_SHOWN}
_DELETED = {"404 file_not_found", "500 delete_failed", "503 journal_not_writable", *_DOOR}
_TAGGED = {"412 version_not_current", *_DELETED}
_SEARCHED = {
    "200", "400 query_not_valid", "400 time_not_valid", "400 limit_not_valid",
    "400 cursor_not_valid", "400 zone_not_valid", "400 columns_not_valid", "500", *_DOOR,
}  # fmt: skip
_COUNTED = {"200", "400 query_not_valid", "400 time_not_valid", "500", *_DOOR}
_EXPORTED = {
    "200", "400 query_not_valid", "400 time_not_valid", "400 format_not_valid",
    "503 journal_not_writable", *_DOOR,
}  # fmt: skip
_PROVEN = {
    "200", "404 record_not_found", "404 record_not_evidence", "404 not_signed_yet", "500", *_DOOR,
}  # fmt: skip
_READ = {"200", "304", "404 not_signed_yet", "500", *_DOOR}
_DOWNLOADED = {
    "200", "206", "304", "404 file_not_found", "412 version_not_current", "416 range_not_satisfiable", "200 left", "206 left",
    "500 download_error", "500 content_missing", "500 content_damaged", "503 journal_not_writable",
    *_DOOR,
}  # fmt: skip

_CHANGED = {"500 change_failed", "503 journal_not_writable", *_DOOR}
_RESTORED = {"404 file_not_found", "409 filename_taken", "409 folder_in_trash", *_CHANGED}
_TUS = {"404 upload_not_found", "410 upload_expired", "412 tus_version_not_supported",
        "500 storage_failed"}  # fmt: skip
_ARRIVED = {
    "409 filename_taken", "413 file_too_large", "413 upload_overrun", "400 header_not_valid",
    "415 content_type_not_supported", "460 checksum_mismatch", *_STORED, *_DOOR,
}  # fmt: skip
_ZIPPED = {
    "200", "404 file_not_found", "500 download_error", "500 content_missing",
    "500 content_damaged", "503 journal_not_writable", *_DOOR,
}  # fmt: skip

KINDS: dict[str, set[str]] = {
    "listing": _LISTED,
    "upload by form": {
        "303", "201", "207", "400 no_file_in_request", "400 filename_empty", "400 form_not_valid",
        "413 form_too_large", "413 file_too_large", "409 filename_taken", "404 folder_not_found",
        *_STORED, *_DOOR,
    },
    "upload": {
        "201", "204", "400 partial_upload", "400 condition_not_valid", "400 path_too_deep",
        "400 path_too_long", "412 condition_not_valid", "412 filename_taken",
        "412 version_not_current", "413 file_too_large", *_NAME, *_STORED, *_DOOR,
    },
    "download": _DOWNLOADED,
    "question": {"200", "304", "404 file_not_found", "500 download_error", "421 host_not_allowed"},
    "deletion": {"204", *_TAGGED},
    "new folder": {
        "201", "400 path_too_deep", "400 path_too_long", "404 folder_not_found", *_NAME, *_CHANGED,
    },
    "folder's deletion": {"204", "404 folder_not_found", *_TAGGED} - {"404 file_not_found"},
    "move": {
        "200", "400 move_not_valid", "400 path_too_deep", "400 path_too_long", "404 file_not_found",
        "404 folder_not_found", "409 folder_into_itself", "409 root_folder",
        *_NAME, *_CHANGED,
    } - {"400 filename_too_long"},
    "trash": _SHOWN,
    "restoration": {"200", "400 filename_not_allowed", "400 filename_empty", *_RESTORED},
    "purge": {"204", "404 file_not_found", *_CHANGED},
    "new folder by form": {"303", "404 folder_not_found", *_NAME, *_CHANGED},
    "new name by form": {
        "303", "400 nothing_chosen", "404 file_not_found", "409 root_folder",
        *_NAME, *_CHANGED,
    } - {"400 filename_too_long"},
    "move by form": {
        "303", "400 nothing_chosen", "404 file_not_found", "404 folder_not_found",
        "409 folder_into_itself", "409 root_folder", "409 filename_taken", *_CHANGED,
    },
    "deletion by form": {"303", "400 nothing_chosen", "409 root_folder", *_DELETED},
    "restoration by form": {"303", "400 nothing_chosen", *_RESTORED},
    "restoration under a name": {
        "303", "400 nothing_chosen", "400 filename_not_allowed", *_RESTORED,
    },
    "purge by form": {"303", "400 nothing_chosen", "404 file_not_found", *_CHANGED},
    "emptying": {"303", *_CHANGED},
    "question about a folder": {"404 folder_not_found", *_SHOWN} - {"503 journal_not_writable"},
    "question about a name": {"404 file_not_found", *_SHOWN} - {"503 journal_not_writable"},
    "question about a move": {
        "400 nothing_chosen", "404 file_not_found", "404 folder_not_found", *_SHOWN,
    },
    "zip": {
        "400 nothing_chosen", "404 folder_not_found", *_ZIPPED,
    },
    "zip of what was chosen": {"400 nothing_chosen", *_ZIPPED},
    "versions": {"404 file_not_found", *_SHOWN},
    "history": {"400 cursor_not_valid", "404 file_not_found", "500 history_failed", "200", *_DOOR},
    "history's bundle": {
        "200", "404 file_not_found", "404 not_signed_yet", "500 history_failed", *_DOOR,
    },
    "check of content": {
        "200", "303", "404 file_not_found", "404 version_not_found", "500 history_failed",
        "503 journal_not_writable", *_DOOR,
    },
    "download of a version": {"404 version_not_found", *_DOWNLOADED},
    "version's restoration": {
        "303", "404 file_not_found", "404 version_not_found", *_CHANGED,
    },
    "permissions": {"404 folder_not_found", *_SHOWN},
    "new permissions": {
        "303", "400 nothing_chosen", "400 permission_not_valid", "400 nobody_left",
        "400 user_not_found", "400 root_needs_permissions", "404 folder_not_found", *_CHANGED,
    },
    "resumable upload": {
        "201", "400 metadata_not_valid", "400 path_too_deep", "400 path_too_long", "404 folder_not_found",
        "412 version_not_current", "412 tus_version_not_supported", *_NAME, *_ARRIVED,
    },
    "piece": {"204", "400 length_known", "409 offset_mismatch", *_TUS, *_ARRIVED},
    "piece by post": {"204", "405 method_not_allowed", "404 upload_not_found", *_DOOR},
    "progress": {"200", "421 host_not_allowed", *_TUS},
    "end of an upload": {"204", "503 journal_not_writable", *_TUS, *_DOOR},
    "deletion by page": {"303", *_TAGGED},
    "deletion by htmx": {"200", *_TAGGED},
    "search": _SEARCHED,
    "counts": _COUNTED,
    "values": {"400 field_not_counted", *_COUNTED},
    "completion": _COUNTED - {"400 query_not_valid"},
    "tail": {"400 cursor_not_valid", *_COUNTED},
    "export": _EXPORTED,
    "record": {"200", "404 record_not_found", "500", *_DOOR},
    "proof": _PROVEN,
    "ledger": _READ,
    "tile": {"404 tile_not_found", "500 ledger_damaged", *_READ},
    "alive": {"200"},
    "ready": {"200", "503"},
    "metrics": {"200"},
    "assets": {"200", "304", "404"},
}  # fmt: skip
"""The outcomes that a route can have, by what it is for."""

ROUTES: dict[Route, str] = {
    ("GET", "/"): "listing",
    ("GET", "/files"): "listing",
    ("GET", "/api/v1/files"): "listing",
    ("GET", "/api/v1/files/"): "listing",
    ("POST", "/upload"): "upload by form",
    ("PUT", "/api/v1/files/<>"): "upload",
    ("GET", "/api/v1/files/<>"): "download",
    ("HEAD", "/api/v1/files/<>"): "question",
    ("DELETE", "/api/v1/files/<>"): "deletion",
    ("DELETE", "/delete/<>"): "deletion by htmx",
    ("POST", "/delete/<>"): "deletion by page",
    ("PUT", "/api/v1/folders/<>"): "new folder",
    ("DELETE", "/api/v1/folders/<>"): "folder's deletion",
    ("POST", "/api/v1/move"): "move",
    ("GET", "/api/v1/trash"): "trash",
    ("POST", "/api/v1/trash/<>"): "restoration",
    ("DELETE", "/api/v1/trash/<>"): "purge",
    ("POST", "/folders"): "new folder by form",
    ("POST", "/files/rename"): "new name by form",
    ("POST", "/files/move"): "move by form",
    ("POST", "/files/delete"): "deletion by form",
    ("POST", "/files/restore"): "restoration by form",
    ("GET", "/folders/new"): "question about a folder",
    ("GET", "/files/rename"): "question about a name",
    ("GET", "/files/move"): "question about a move",
    ("GET", "/trash"): "trash",
    ("GET", "/zip"): "zip",
    ("POST", "/zip"): "zip of what was chosen",
    ("POST", "/trash/restore"): "restoration under a name",
    ("POST", "/trash/purge"): "purge by form",
    ("POST", "/trash/empty"): "emptying",
    ("GET", "/files/<>/versions"): "versions",
    ("GET", "/files/<>/versions/<>"): "download of a version",
    ("POST", "/files/<>/versions/<>"): "version's restoration",
    ("GET", "/files/<>/history"): "history",
    ("GET", "/files/<>/history/bundle"): "history's bundle",
    ("POST", "/files/<>/history/check"): "check of content",
    ("GET", "/folders/<>/permissions"): "permissions",
    ("POST", "/folders/<>/permissions"): "new permissions",
    ("POST", "/tus/"): "resumable upload",
    ("POST", "/tus/<>"): "piece by post",
    ("PATCH", "/tus/<>"): "piece",
    ("HEAD", "/tus/<>"): "progress",
    ("DELETE", "/tus/<>"): "end of an upload",
    ("GET", "/logs"): "search",
    ("GET", "/logs/"): "search",
    ("GET", "/api/v1/records"): "search",
    ("GET", "/logs/histogram"): "counts",
    ("GET", "/logs/facets"): "values",
    ("GET", "/logs/complete"): "completion",
    ("GET", "/logs/tail"): "tail",
    ("GET", "/api/v1/histogram"): "counts",
    ("GET", "/api/v1/facets"): "values",
    ("GET", "/logs/export"): "export",
    ("GET", "/api/v1/export"): "export",
    ("GET", "/logs/<>"): "record",
    ("GET", "/api/v1/records/<>"): "record",
    ("GET", "/logs/<>/proof"): "proof",
    ("GET", "/logs/<>/bundle"): "proof",
    ("GET", "/api/v1/records/<>/proof"): "proof",
    ("GET", "/ledger/checkpoint"): "ledger",
    ("GET", "/ledger/vkey"): "ledger",
    ("GET", "/ledger/tile/<>"): "tile",
    ("GET", "/healthz"): "alive",
    ("GET", "/readyz"): "ready",
    ("GET", "/metrics"): "metrics",
    ("GET", "/static/<>"): "assets",
    ("GET", "/files/static/<>"): "assets",
    ("GET", "/history/static/<>"): "assets",
    ("GET", "/logs/static/<>"): "assets",
}
"""HEAD is like GET, and OPTIONS leaves no outcome; neither needs a kind of its own."""

UNHEARD = {
    "field_not_valid",  # of the command line
    "ledger_not_allowed",  # as the next one
    "viewer_not_allowed",  # whoever is let in may read; what was forwarded: test_viewer_access.py
    "accounts_not_readable",  # as the next one: tests/web/test_gate.py
    "not_through_proxy",  # takes a proxy: tests/web/test_proxies.py
    "length_required",  # of forms of accounts: tests/web/test_limits.py
    "destination_not_allowed",  # of pages only: tests/attacks/test_as_code.py
    "forwarded_without_sign_in",  # tests/web/test_viewer_access.py
    "permission_revoked",  # takes an account: tests/attacks
    "permission_missing",  # likewise
    "quota_exceeded",  # likewise
    "would_lock_out",  # likewise
    "too_many_at_once",  # takes ten thousand files: tests/unit
    "hold_not_found",  # of the command line: tests/web/test_retention_command.py
    "hold_not_valid",  # likewise
    "person_not_known",  # of the command line: tests/web/test_privacy_command.py
    "address_not_valid",  # likewise
    "records_held",  # likewise: tests/unit/privacy
    "holds_changed",  # likewise; takes a hold that is placed at the same moment
    "search_busy",  # takes several searches at once: tests/unit/search/test_trouble.py
    "search_too_large",  # takes more memory than there is: likewise
    "search_disturbed",  # takes records that move away five times in one search
    "export_busy",  # takes several exports at once: tests/web/test_export.py
    "export_too_slow",  # takes an hour: tests/unit/export
    "records_missing",  # breaks off an answer that has begun: tests/web/test_export.py
    "entries_pruned",  # takes years: tests/unit/retention
    "too_many_checks",  # likewise: tests/unit/files/test_history.py
    "too_many_zips",  # takes several of them at once: tests/unit/test_zip_turns.py
    "too_many_uploads",  # takes a thousand of them: tests/attacks/test_quotas.py
    "upload_overtaken",  # takes a race: tests/web/tus/test_resuming.py
    "upload_lost",  # likewise: of two that finish it, one finds nothing
}
"""Reasons that no request can have."""


def gaps(routes: Iterable[Route], examples: Iterable[Example]) -> list[str]:
    """What is not shown: routes without a kind, outcomes without an example."""
    known = set(routes)
    shown: dict[Route, set[str]] = {}
    for example in examples:
        shown.setdefault(example.route, set()).add(example.outcome)
    found = []
    for method, rule in sorted(known | {(NO_METHOD, rule) for _, rule in known} | {NOWHERE}):
        wanted = _wanted(method, rule)
        if wanted is None:
            found.append(f"{method} {rule} is of no kind")
        else:
            missing = wanted - shown.get((method, rule), set())
            found += [f"{method} {rule} {outcome}" for outcome in sorted(missing)]
    ends = {rule for _, rule in known}
    return found + [
        f"{method} {rule} is no route"
        for method, rule in shown
        if (method, rule) not in known
        and (method, rule) != NOWHERE
        and not (method == NO_METHOD and rule in ends)
    ]


NO_METHOD = "MOVE"
"""What no route has."""

NOWHERE: Route = ("GET", "/nowhere")


def _wanted(method: str, rule: str) -> set[str] | None:
    if (method, rule) == NOWHERE:
        return {"404"}
    if method in ("OPTIONS", NO_METHOD):
        answered = "204" if rule.startswith("/tus/") else "200"
        return {answered if method == "OPTIONS" else "405"}
    if kind := ROUTES.get((method, rule)):
        return KINDS[kind]
    if method == "HEAD" and (kind := ROUTES.get(("GET", rule))):
        # One that nothing is said of above is answered by the code of its GET.
        return {"404" if kind == "assets" else "200"}
    return None


def reasons_of_the_product() -> set[str]:
    """Every reason that the code refuses or fails with, read from the code itself."""
    found = set()
    for file in SOURCE.rglob("*.py"):
        if file.is_relative_to(SOURCE / "accounts"):
            continue  # see tests/web/test_completeness_accounts.py
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("Refused", "ServerFault")
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(str(node.args[0].value))
    return found - UNHEARD
