"""One request for every outcome of every route; see :mod:`tests.web.completeness`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.web.completeness import FILE, NO_METHOD, RECORD, Example, State
from tests.web.folder_examples import DEEP, FAR, of_folders
from tests.web.history_examples import histories
from tests.web.tus_examples import of_tus
from tests.web.wire import BOUNDARY, FORM, HTML, HTMX, JSON, SMALL_LIMIT, Part, api, form

E = Example
PATH = "/api/v1/files/<path:path>"
EVIL = {"Origin": "http://evil.example"}
EMBEDDED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
STRANGE = {"Host": "evil.example"}
PAIR = form(Part(b"x", "pair 1"), Part(b"x", ".."))
FULL_LIMIT = 8 * 1024 * 1024
LARGE = bytes(FULL_LIMIT + 1)
LONG = "x" * 300
LATER = "Fri, 31 Dec 2100 23:59:59 GMT"


def form_of(name: str, content: bytes = b"x") -> bytes:
    """A form with one file."""
    return form(Part(content, name))


DAMAGED = form_of("a")[: -len(f"--{BOUNDARY}--\r\n") - 2]
CROWDED = form(*[Part(b"", None, field="x", kind=None)] * 1001)

UPLOADS = [
    E("POST", "/upload", "/upload", 303, ("file_uploaded",), form_of("by a page"), {**FORM, **HTML}),
    E("POST", "/upload", "/upload", 201, ("file_uploaded",), form_of("by script"), {**FORM, **JSON}),
    E("POST", "/upload", "/upload", 207, ("file_uploaded", "upload_failed"), PAIR, {**FORM, **JSON}),
    E("POST", "/upload", "/upload", 400, ("upload_failed",), form(), FORM, reason="no_file_in_request"),
    E("POST", "/upload", "/upload", 400, ("upload_failed",), form_of(""), FORM, reason="filename_empty"),
    E("POST", "/upload", "/upload", 400, ("upload_failed",), DAMAGED, FORM, reason="form_not_valid"),
    E("POST", "/upload", "/upload?folder=/none", 404, ("upload_failed",), form_of("a"), FORM, reason="folder_not_found"),
    E("POST", "/upload", "/upload", 409, ("upload_failed",), form_of(FILE), FORM, reason="filename_taken"),
    E("POST", "/upload", "/upload", 413, ("upload_failed",), CROWDED, FORM, reason="form_too_large"),
    E("POST", "/upload", "/upload", 413, ("upload_failed",), form_of("large", bytes(SMALL_LIMIT + 1)), FORM,
      State.SMALL, "file_too_large"),
    E("POST", "/upload", "/upload", 400, ("upload_aborted",), form_of("left", bytes(9000)), FORM, leaves=True),
    E("POST", "/upload", "/upload", 507, ("upload_error",), form_of("full", LARGE), FORM, State.FULL, "storage_full"),
    E("POST", "/upload", "/upload", 500, ("upload_error",), form_of("broken"), FORM, State.BROKEN, "storage_failed"),
    E("POST", "/upload", "/upload", 503, (), form_of("mute"), FORM, State.MUTE, "journal_not_writable"),
    E("PUT", PATH, api("new.txt"), 201, ("file_uploaded",), b"x"),
    E("PUT", PATH, "/api/v1/files/{foldername}/new.txt", 201, ("folder_created", "file_uploaded"), b"x"),
    E("PUT", PATH, "/api/v1/files/{named}", 204, ("file_uploaded",), b"x", {"If-Match": "{tag}"}),
    E("PUT", PATH, api(FILE), 412, ("upload_failed",), b"x", {"If-Match": '"0"'}, reason="version_not_current"),
    E("PUT", PATH, api(FILE), 400, ("upload_failed",), b"x", {"If-Match": "*"}, reason="condition_not_valid"),
    E("PUT", PATH, api(FILE), 412, ("upload_failed",), b"x", {"If-None-Match": "*"}, reason="filename_taken"),
    E("PUT", PATH, api(FILE), 412, ("upload_failed",), b"x", {"If-Match": '"0"', "If-None-Match": "*"},
      reason="condition_not_valid"),
    E("PUT", PATH, "/api/v1/files/none/x", 412, ("upload_failed",), b"x", {"If-Match": '"0"'},
      reason="version_not_current"),
    E("PUT", PATH, f"/api/v1/files/{FAR}", 400, ("upload_failed",), b"x", reason="path_too_long"),
    E("PUT", PATH, f"/api/v1/files/{DEEP}", 400, ("upload_failed",), b"x", reason="path_too_deep"),
    E("PUT", PATH, "/api/v1/files/a//b", 400, ("upload_failed",), b"x", reason="filename_empty"),
    E("PUT", PATH, api(".."), 400, ("upload_failed",), b"x", reason="filename_not_allowed"),
    E("PUT", PATH, api(LONG), 400, ("upload_failed",), b"x", reason="filename_too_long"),
    E("PUT", PATH, api("part"), 400, ("upload_failed",), b"x", {"Content-Range": "bytes 0-0/9"},
      reason="partial_upload"),
    E("PUT", PATH, api(FILE), 409, ("upload_failed",), b"x", reason="filename_taken"),
    E("PUT", PATH, api("large"), 413, ("upload_failed",), bytes(SMALL_LIMIT + 1), {}, State.SMALL, "file_too_large"),
    E("PUT", PATH, api("left"), 400, ("upload_aborted",), bytes(9000), leaves=True),
    E("PUT", PATH, api("full"), 507, ("upload_error",), LARGE, {}, State.FULL, "storage_full"),
    E("PUT", PATH, api("broken"), 500, ("upload_error",), b"x", {}, State.BROKEN, "storage_failed"),
    E("PUT", PATH, api("mute"), 503, (), b"x", {}, State.MUTE, "journal_not_writable"),
]  # fmt: skip

DOWNLOADS = [
    E("GET", PATH, api(FILE), 200, ("file_downloaded",)),
    E("GET", PATH, api(FILE), 206, ("file_downloaded",), None, {"Range": "bytes=1-2"}),
    E("GET", PATH, api(FILE), 304, (), None, {"If-None-Match": "*"}),
    E("GET", PATH, api(FILE), 412, ("download_failed",), None, {"If-Match": '"0"'}, reason="version_not_current"),
    E("GET", PATH, api("none"), 404, ("download_failed",), reason="file_not_found"),
    E("GET", PATH, api(FILE), 416, ("download_failed",), None, {"Range": "bytes=99-"}, reason="range_not_satisfiable"),
    E("GET", PATH, api("large.bin"), 200, ("file_downloaded",), leaves=True),
    E("GET", PATH, api("large.bin"), 206, ("file_downloaded",), None, {"Range": "bytes=1-"}, leaves=True),
    E("GET", PATH, api(FILE), 500, ("download_failed",), None, {}, State.BROKEN, "download_error"),
    E("GET", PATH, api("missing.bin"), 500, ("download_failed",), reason="content_missing"),
    E("GET", PATH, api("damaged.bin"), 500, ("download_failed",), reason="content_damaged"),
    E("GET", PATH, api(FILE), 503, (), None, {}, State.MUTE, "journal_not_writable"),
    E("HEAD", PATH, api(FILE), 200, ()),
    E("HEAD", PATH, api(FILE), 304, (), None, {"If-None-Match": "*"}),
    E("HEAD", PATH, api("none"), 404, ("download_failed",), reason="file_not_found"),
    E("HEAD", PATH, api(FILE), 500, ("download_failed",), None, {}, State.BROKEN, "download_error"),
    E("HEAD", PATH, api(FILE), 421, ("access_denied",), None, STRANGE, reason="host_not_allowed"),
]  # fmt: skip


def listings() -> Iterator[Example]:
    """The list of files, as page, fragment and JSON."""
    for path in ("/", "/files", "/api/v1/files", "/api/v1/files/"):
        yield E("GET", path, path, 200, ("files_listed",))
        yield E("GET", path, f"{path}?cursor=x", 400, ("list_failed",), reason="cursor_not_valid")
        yield E("GET", path, f"{path}?sort=x", 400, ("list_failed",), reason="sort_not_valid")
        missing = f"{path}?folder=/none"
        yield E("GET", path, missing, 404, ("list_failed",), reason="folder_not_found")
        yield E("GET", path, path, 500, ("list_failed",), None, {}, State.BROKEN, "list_error")
        yield E("GET", path, path, 503, (), None, {}, State.MUTE, "journal_not_writable")
        yield E("HEAD", path, path, 200, ("files_listed",))


def deletions() -> Iterator[Example]:
    """Moving a file to the trash: by script, by HTMX, by a plain form."""
    for method, rule, stem, status, body, headers in (
        ("DELETE", PATH, "/api/v1/files/", 204, None, JSON),
        ("DELETE", "/delete/<path:path>", "/delete/", 200, None, HTMX),
        ("POST", "/delete/<path:path>", "/delete/", 303, b"", HTML),
    ):
        yield E(method, rule, stem + FILE, status, ("file_deleted",), body, headers)
        yield E(
            method,
            rule,
            stem + "none",
            404,
            ("delete_failed",),
            body,
            headers,
            reason="file_not_found",
        )
        wrong = {**headers, "If-Match": '"0"'}
        reason = "version_not_current"
        yield E(method, rule, stem + FILE, 412, ("delete_failed",), body, wrong, reason=reason)
        yield E(
            method,
            rule,
            stem + FILE,
            500,
            ("delete_error",),
            body,
            headers,
            State.BROKEN,
            "delete_failed",
        )
        yield E(
            method, rule, stem + FILE, 503, (), body, headers, State.MUTE, "journal_not_writable"
        )


def views() -> Iterator[Example]:
    """The logs, as pages and as JSON."""
    for path in ("/logs", "/logs/", "/api/v1/records"):
        yield E("GET", path, path, 200, ("logs_viewed",))
        yield E("GET", path, path, 200, ("logs_viewed_unrecorded",), None, {}, State.MUTE)
        for query, reason in (
            ("query=a:b", "query_not_valid"),
            ("from=never", "time_not_valid"),
            ("limit=0", "limit_not_valid"),
            ("cursor=x", "cursor_not_valid"),
            ("zone=x", "zone_not_valid"),
            ("columns=x", "columns_not_valid"),
        ):
            yield E("GET", path, f"{path}?{query}", 400, ("logs_view_failed",), reason=reason)
        yield E("GET", path, path, 500, (), None, {}, State.BLIND)
        yield E("HEAD", path, path, 200, ("logs_viewed",))
    for stem in ("/logs/", "/api/v1/records/"):
        rule = f"{stem}<record_id>"
        yield E("GET", rule, f"{stem}{{record}}", 200, ("logs_viewed",))
        yield E(
            "GET", rule, f"{stem}{RECORD}", 404, ("logs_view_failed",), reason="record_not_found"
        )
        yield E("GET", rule, f"{stem}{RECORD}", 500, (), None, {}, State.BLIND)
        yield E("HEAD", rule, f"{stem}{{record}}", 200, ("logs_viewed",))


def parts() -> Iterator[Example]:
    """The parts of the page of records that come on their own, and their like for programs.

    Each searches for something else: what was searched for just now is not recorded again.
    """
    for path, more, query in (
        ("/logs/histogram", "", True),
        ("/logs/facets", "", True),
        ("/logs/complete", "&typed=event:", False),
        ("/logs/tail", "&after=audit-0_ops-0", True),
        ("/api/v1/histogram", "", True),
        ("/api/v1/facets", "&field=event", True),
    ):
        own = path.replace("/", "-")
        yield E("GET", path, f"{path}?query=seen{own}{more}", 200, ("logs_viewed",))
        yield E("HEAD", path, f"{path}?query=asked{own}{more}", 200, ("logs_viewed",))
        yield E("GET", path, f"{path}?time=x", 400, ("logs_view_failed",), reason="time_not_valid")
        yield E("GET", path, f"{path}?query=lost{more}", 500, (), None, {}, State.BLIND)
        if query:
            wrong = f"{path}?query=a:b{more}"
            yield E("GET", path, wrong, 400, ("logs_view_failed",), reason="query_not_valid")
    for path in ("/logs/facets", "/api/v1/facets"):
        wrong = f"{path}?field=id"
        yield E("GET", path, wrong, 400, ("logs_view_failed",), reason="field_not_counted")
    wrong = "/logs/tail?after=x"
    yield E("GET", "/logs/tail", wrong, 400, ("logs_view_failed",), reason="cursor_not_valid")


def exports() -> Iterator[Example]:
    """All records of a search, as a download."""
    for path in ("/logs/export", "/api/v1/export"):
        left = ("log_export_started", "logs_exported")
        yield E("GET", path, f"{path}?query=event:file_uploaded", 200, left)
        for query, reason in (
            ("query=a:b", "query_not_valid"),
            ("from=never", "time_not_valid"),
            ("format=xls", "format_not_valid"),
        ):
            yield E("GET", path, f"{path}?{query}", 400, ("logs_exported",), reason=reason)
        yield E("GET", path, path, 503, (), None, {}, State.MUTE, "journal_not_writable")
        yield E("GET", path, path, 503, (), None, {}, State.BLIND, "journal_not_writable")
        yield E("HEAD", path, path, 200, ())


def proofs() -> Iterator[Example]:
    """What a record's place in the ledger is shown with."""
    for stem, name, event in (
        ("/logs/", "proof", "logs_viewed"),
        ("/logs/", "bundle", "evidence_exported"),
        ("/api/v1/records/", "proof", "logs_viewed"),
    ):
        rule = f"{stem}<record_id>/{name}"
        for target, state, reason in (
            (RECORD, State.SOUND, "record_not_found"),
            ("{ops}", State.SOUND, "record_not_evidence"),
            ("{record}", State.UNSIGNED, "not_signed_yet"),
        ):
            refused = f"{stem}{target}/{name}"
            yield E("GET", rule, refused, 404, ("logs_view_failed",), None, {}, state, reason)
        yield E("GET", rule, f"{stem}{{signed}}/{name}", 200, (event,))
        yield E("GET", rule, f"{stem}{RECORD}/{name}", 500, (), None, {}, State.BLIND)
        yield E("HEAD", rule, f"{stem}{{signed}}/{name}", 200, (event,))


def ledger() -> Iterator[Example]:
    """The ledger, for the tools of auditors."""
    tile = "/ledger/tile/<path:place>"
    for rule, target in (
        ("/ledger/checkpoint", "/ledger/checkpoint"),
        ("/ledger/vkey", "/ledger/vkey"),
        (tile, "/ledger/tile/0/000.p/1"),
        (tile, "/ledger/tile/entries/000.p/1"),
    ):
        yield E("GET", rule, target, 200, ("ledger_read",))
        yield E("GET", rule, target, 304, ("ledger_read",), None, {"If-None-Match": "*"})
        yield E("GET", rule, target, 404, ("ledger_read",), None, {}, State.UNSIGNED, "not_signed_yet")  # fmt: skip
        yield E("GET", rule, target, 500, (), None, {}, State.TORN)
        yield E("HEAD", rule, target, 200, ("ledger_read",))
    hollow = "/ledger/tile/0/000.p/1"
    yield E("GET", tile, hollow, 500, ("ledger_read",), None, {}, State.HOLLOW, "ledger_damaged")
    for place in ("0/x001/x234/067", "entries/x001/x234/067", "0/000.p/256", "0/0", "x"):
        yield E("GET", tile, f"/ledger/tile/{place}", 404, ("ledger_read",), reason="tile_not_found")  # fmt: skip


def counted() -> Iterator[Example]:
    """What is asked so often that it is only counted."""
    for path in ("/healthz", "/readyz", "/metrics"):
        yield E("GET", path, path, 200, None)
        yield E("HEAD", path, path, 200, None)
    yield E("GET", "/readyz", "/readyz", 503, None, None, {}, State.MUTE)
    for stem, asset in (
        ("/static/", "shell.css"),
        ("/files/static/", "files.js"),
        ("/history/static/", "history.css"),
        ("/logs/static/", "viewer.css"),
    ):
        rule = f"{stem}<path:filename>"
        yield E("GET", rule, stem + asset, 200, None)
        yield E("GET", rule, stem + asset, 304, None, None, {"If-Modified-Since": LATER})
        yield E("GET", rule, f"{stem}none", 404, None)
        yield E("HEAD", rule, f"{stem}none", 404, None)


def _own() -> list[Example]:
    return [
        *UPLOADS,
        *DOWNLOADS,
        *listings(),
        *deletions(),
        *of_folders(),
        *of_tus(),
        *histories(),
        *views(),
        *parts(),
        *exports(),
        *proofs(),
        *ledger(),
        *counted(),
    ]


def refused_at_the_door() -> Iterator[Example]:
    """What every route refuses: another host's name, another site's page, a method it has not."""
    seen = set()
    for example in _own():
        if example.events is None or example.route in seen or example.method == "HEAD":
            continue
        seen.add(example.route)
        method, rule, target = example.method, example.rule, example.target.split("?")[0]
        body = b"" if example.body is not None else None
        foreign = EMBEDDED if method == "GET" else EVIL
        yield E(
            method, rule, target, 421, ("access_denied",), body, STRANGE, reason="host_not_allowed"
        )
        yield E(
            method,
            rule,
            target,
            403,
            ("access_denied",),
            body,
            foreign,
            reason="origin_not_allowed",
        )


def other_methods() -> Iterator[Example]:
    """OPTIONS is answered by every route; what no route has is 405, and what is nowhere 404."""
    for rule in sorted({example.rule for example in _own()}):
        target = re.sub("<[^>]*>", "x", re.sub("<uuid:[^>]*>", RECORD, rule))
        uncounted = None if "static" in rule or rule in ("/healthz", "/readyz", "/metrics") else ()
        answered = 204 if rule.startswith("/tus/") else 200
        yield E("OPTIONS", rule, target, answered, uncounted)
        yield E(NO_METHOD, rule, target, 405, uncounted, b"")
    yield E("GET", "/nowhere", "/nowhere", 404, ())


EXAMPLES = [*_own(), *refused_at_the_door(), *other_methods()]
