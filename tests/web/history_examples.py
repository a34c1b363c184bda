"""One request for every outcome of the routes of a file's history."""

from __future__ import annotations

from collections.abc import Iterator

from tests.web.completeness import RECORD, Example, State
from tests.web.folder_examples import FIELDS, NOTHING
from tests.web.wire import HTML

E = Example
NOWHERE = "01980000-0000-7000-8000-00000000dead"
"""A file that there never was, and that nobody else asked for: what is refused is history too."""
LINES = {"Accept": "application/x-ndjson", "Content-Type": FIELDS["Content-Type"]}


def histories() -> Iterator[Example]:
    """A history is looked at, taken away, and its content checked."""
    rule, target = "/files/<uuid:file_id>/history", "/files/{file}/history"
    failed = ("logs_view_failed",)
    for asked in (target, f"{target}?looks=1&limit=1"):
        yield E("GET", rule, asked, 200, ("history_viewed",), None, HTML)
    yield E("HEAD", rule, target, 200, ("history_viewed",))
    yield E("GET", rule, target, 200, ("logs_viewed_unrecorded",), None, HTML, State.MUTE)
    yield E("GET", rule, f"/files/{NOWHERE}/history", 404, failed, reason="file_not_found")
    yield E("GET", rule, f"{target}?cursor=x", 400, failed, reason="cursor_not_valid")
    yield _broken(rule, target)
    yield from _bundles(f"{rule}/bundle")
    yield from _checks(f"{rule}/check")


def _broken(rule: str, target: str) -> Example:
    failed = ("logs_view_failed",)
    return E("GET", rule, target, 500, failed, None, HTML, State.BROKEN, "history_failed")


def _bundles(rule: str) -> Iterator[Example]:
    failed, target = ("logs_view_failed",), "/files/{file}/history/bundle"
    signed = "/files/{signedfile}/history/bundle"
    yield E("GET", rule, signed, 200, ("evidence_exported",))
    yield E("HEAD", rule, signed, 200, ("evidence_exported",))
    nowhere = f"/files/{NOWHERE}/history/bundle"
    yield E("GET", rule, nowhere, 404, failed, reason="file_not_found")
    unsigned = (State.UNSIGNED, "not_signed_yet")
    yield E("GET", rule, target, 404, failed, None, HTML, *unsigned)
    yield _broken(rule, target)


def _checks(rule: str) -> Iterator[Example]:
    failed, checked = ("logs_view_failed",), ("content_checked",)
    target = "/files/{file}/history/check"
    for headers, status in ((FIELDS, 303), (LINES, 200)):
        yield E("POST", rule, target, status, checked, NOTHING, headers)
        for word in ("missingid", "damagedid"):
            found = f"/files/{{{word}}}/history/check"
            yield E("POST", rule, found, status, checked, NOTHING, headers)
    nowhere, other = f"/files/{NOWHERE}/history/check", f"version={RECORD}".encode()
    yield E("POST", rule, nowhere, 404, failed, NOTHING, FIELDS, reason="file_not_found")
    yield E("POST", rule, target, 404, failed, other, FIELDS, reason="version_not_found")
    mute, broken = (State.MUTE, "journal_not_writable"), (State.BROKEN, "history_failed")
    yield E("POST", rule, target, 503, (), NOTHING, FIELDS, *mute)
    yield E("POST", rule, target, 500, failed, NOTHING, FIELDS, *broken)
