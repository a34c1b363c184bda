"""One request for every outcome of the routes of folders, trash, versions and permissions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.web.completeness import FILE, RECORD, Example, State
from tests.web.made import as_json
from tests.web.wire import HTML, JSON

E = Example
FIELDS = {"Content-Type": "application/x-www-form-urlencoded", **HTML}
NOTHING = b""
FOLDERS = "/api/v1/folders/<name:path>"
ROOT = "00000000-0000-0000-0000-000000000000"
DEEP = "x/" * 65 + "x"
FAR = ("n" * 255 + "/") * 17 + "x"
LONG = "x" * 300


def act(
    rule: str,
    body: str,
    status: int,
    *events: str,
    reason: str | None = None,
    state: State = State.SOUND,
    target: str | None = None,
) -> Example:
    """A form."""
    sent = body.encode()
    return E("POST", rule, target or rule, status, events, sent, FIELDS, state, reason)


def in_trouble(
    method: str, rule: str, target: str, body: bytes | None = None, *, failed: str, reason: str
) -> Iterator[Example]:
    """What every act comes to when the database has lost a table, or cannot be written."""
    headers = FIELDS if method == "POST" and not rule.startswith("/api/") else JSON
    if rule == "/api/v1/move":
        headers = {"Content-Type": "application/json"}
    yield E(method, rule, target, 500, (failed,), body, headers, State.BROKEN, reason)
    yield E(method, rule, target, 503, (), body, headers, State.MUTE, "journal_not_writable")


def changed(method: str, rule: str, target: str, body: bytes | None = None) -> Iterator[Example]:
    """The same, of acts that fail as ``change_failed``."""
    trouble: dict[str, Any] = {"failed": "change_failed", "reason": "change_failed"}
    yield from in_trouble(method, rule, target, body, **trouble)


def folders() -> Iterator[Example]:
    """Folders are made and deleted by scripts."""
    refused = ("change_failed",)
    stem = "/api/v1/folders/"
    yield E("PUT", FOLDERS, stem + "{foldername}", 201, ("folder_created",), NOTHING)
    for path, status, reason in (
        ("..", 400, "filename_not_allowed"),
        ("a//b", 400, "filename_empty"),
        (LONG, 400, "filename_too_long"),
        (DEEP, 400, "path_too_deep"),
        (FAR, 400, "path_too_long"),
        ("none/new", 404, "folder_not_found"),
        (FILE, 409, "filename_taken"),
    ):
        yield E("PUT", FOLDERS, stem + path, status, refused, NOTHING, reason=reason)
    yield from changed("PUT", FOLDERS, stem + "{foldername}", NOTHING)
    deleted = ("file_deleted", "folder_deleted")
    refused = ("delete_failed",)
    yield E("DELETE", FOLDERS, stem + "{fullfolder}", 204, deleted)
    for path, reason in (("none", "folder_not_found"), (FILE, "folder_not_found")):
        yield E("DELETE", FOLDERS, stem + path, 404, refused, reason=reason)
    wrong = {"If-Match": '"0"'}
    reason = "version_not_current"
    yield E("DELETE", FOLDERS, stem + "{fullfolder}", 412, refused, None, wrong, reason=reason)
    trouble: dict[str, Any] = {"failed": "delete_error", "reason": "delete_failed"}
    yield from in_trouble("DELETE", FOLDERS, stem + "{fullfolder}", **trouble)


def moves() -> Iterator[Example]:
    """Renamed and moved by scripts."""
    rule = "/api/v1/move"
    kind = {"Content-Type": "application/json"}

    def move(source: str, target: str, status: int, *events: str, reason: str | None = None) -> E:
        body = as_json(**{"from": source, "to": target})
        return E("POST", rule, rule, status, events, body, kind, State.SOUND, reason)

    yield move("/{named}", "/{filename}", 200, "file_renamed")
    yield move("/{named}", "/{fullfolder}/{filename}", 200, "file_moved")
    yield move("/{fullfolder}", "/{foldername}", 200, "folder_moved")
    for same in ("/{named}", "/{fullfolder}"):
        yield move(same, same, 200, "change_not_needed")
    refused = "change_failed"
    for source, target, status, reason in (
        ("/none", "/{filename}", 404, "file_not_found"),
        ("/{named}", "/none/x", 404, "folder_not_found"),
        ("/{named}", f"/{FILE}", 409, "filename_taken"),
        ("/{named}", "/..", 400, "filename_not_allowed"),
        ("/{named}", "/a//b", 400, "filename_empty"),
        ("/{named}", f"/{DEEP}", 400, "path_too_deep"),
        ("/{named}", f"/{FAR}", 400, "path_too_long"),
        ("/{fullfolder}", "/{fullfolder}/x", 409, "folder_into_itself"),
        ("/", "/{filename}", 409, "root_folder"),
    ):
        yield move(source, target, status, refused, reason=reason)
    yield E("POST", rule, rule, 400, (refused,), b"[]", kind, reason="move_not_valid")
    yield from changed("POST", rule, rule, as_json(**{"from": "/{named}", "to": "/{filename}"}))


def trash() -> Iterator[Example]:
    """What was deleted is listed, had back, and deleted for good."""
    for path in ("/api/v1/trash", "/trash"):
        yield E("GET", path, path, 200, ("trash_listed",), None, HTML)
        yield E("HEAD", path, path, 200, ("trash_listed",))
        trouble: dict[str, Any] = {"failed": "list_failed", "reason": "list_error"}
        yield from in_trouble("GET", path, path, **trouble)
    rule, stem = "/api/v1/trash/<uuid:node_id>", "/api/v1/trash/"
    refused = ("change_failed",)
    yield E("POST", rule, stem + "{trashed}", 200, ("file_restored",), NOTHING)
    for target, status, reason in (
        (RECORD, 404, "file_not_found"),
        ("{taken}", 409, "filename_taken"),
        ("{inside}", 409, "folder_in_trash"),
        ("{trashed}?name=..", 400, "filename_not_allowed"),
        ("{trashed}?name=", 400, "filename_empty"),
    ):
        yield E("POST", rule, stem + target, status, refused, NOTHING, reason=reason)
    yield from changed("POST", rule, stem + "{trashed}", NOTHING)
    yield E("DELETE", rule, stem + "{trashed}", 204, ("file_purged",))
    yield E("DELETE", rule, stem + RECORD, 404, refused, reason="file_not_found")
    yield from changed("DELETE", rule, stem + "{trashed}")


def trash_forms() -> Iterator[Example]:
    """The same by the forms of the page."""
    refused = "change_failed"
    for rule in ("/files/restore", "/trash/restore"):
        yield act(rule, "node={trashed}", 303, "file_restored")
        for body, status, reason in (
            ("", 400, "nothing_chosen"),
            (f"node={RECORD}", 404, "file_not_found"),
            ("node={taken}", 409, "filename_taken"),
            ("node={inside}", 409, "folder_in_trash"),
        ):
            yield act(rule, body, status, refused, reason=reason)
        yield from changed("POST", rule, rule, b"node={trashed}")
    restored = "node={trashed}&name="
    yield act("/trash/restore", restored + "{filename}", 303, "file_restored")
    yield act("/trash/restore", restored + "..", 400, refused, reason="filename_not_allowed")
    rule = "/trash/purge"
    yield act(rule, "node={trashed}", 303, "file_purged")
    yield act(rule, "", 400, refused, reason="nothing_chosen")
    yield act(rule, f"node={RECORD}", 404, refused, reason="file_not_found")
    yield from changed("POST", rule, rule, b"node={trashed}")
    rule = "/trash/empty"
    yield act(rule, "", 303, "file_purged", target="/trash/empty?x={emptied}")
    yield from changed("POST", rule, rule, b"x={emptied}")


def forms() -> Iterator[Example]:
    """What the page of a folder does by forms."""
    refused = "change_failed"
    rule = "/folders"
    yield act(rule, "folder=/&name={foldername}", 303, "folder_created")
    for body, status, reason in (
        ("folder=/&name=", 400, "filename_empty"),
        ("folder=/&name=a/b", 400, "filename_not_allowed"),
        (f"folder=/&name={LONG}", 400, "filename_too_long"),
        (f"folder=/&name={FILE}", 409, "filename_taken"),
        ("folder=/none&name=new", 404, "folder_not_found"),
    ):
        yield act(rule, body, status, refused, reason=reason)
    yield from changed("POST", rule, rule, b"folder=/&name={foldername}")
    rule = "/files/rename"
    yield act(rule, "node={file}&name={name}", 303, "file_renamed")
    yield act(rule, "node={folder}&name={name}", 303, "folder_moved")
    for body, status, reason in (
        ("name=x", 400, "nothing_chosen"),
        ("node={file}&name=", 400, "filename_empty"),
        ("node={file}&name=..", 400, "filename_not_allowed"),
        (f"node={RECORD}&name=x", 404, "file_not_found"),
        (f"node={{file}}&name={FILE}", 409, "filename_taken"),
        (f"node={ROOT}&name=x", 409, "root_folder"),
    ):
        yield act(rule, body, status, refused, reason=reason)
    yield from changed("POST", rule, rule, b"node={file}&name={name}")
    rule = "/files/move"
    yield act(rule, "node={file}&to=/{fullfolder}", 303, "file_moved")
    for body, status, reason in (
        ("to=/", 400, "nothing_chosen"),
        ("node={file}&to=/none", 404, "folder_not_found"),
        (f"node={RECORD}&to=/", 404, "file_not_found"),
        ("node={shownid}&to=/{fullexample}", 409, "filename_taken"),
        ("node={folder}&to=/{foldername}", 409, "folder_into_itself"),
        (f"node={ROOT}&to=/", 409, "root_folder"),
    ):
        yield act(rule, body, status, refused, reason=reason)
    yield from changed("POST", rule, rule, b"node={file}&to=/{fullfolder}")
    rule = "/files/delete"
    yield act(rule, "node={file}", 303, "file_deleted")
    refused = "delete_failed"
    yield act(rule, "", 400, refused, reason="nothing_chosen")
    yield act(rule, f"node={RECORD}", 404, refused, reason="file_not_found")
    yield act(rule, f"node={ROOT}", 409, refused, reason="root_folder")
    trouble: dict[str, Any] = {"failed": "delete_error", "reason": "delete_failed"}
    yield from in_trouble("POST", rule, rule, b"node={file}", **trouble)


def questions() -> Iterator[Example]:
    """What is asked before something changes."""
    failed = ("list_failed",)
    for rule, query, missing in (
        ("/folders/new", "folder=/{fullfolder}", "folder=/none"),
        ("/files/rename", "node={file}", f"node={RECORD}"),
        ("/files/move", "folder=/&node={file}", "folder=/none&node={file}"),
    ):
        told = ("files_listed",) if rule == "/files/move" else ()
        reason = "file_not_found" if rule == "/files/rename" else "folder_not_found"
        yield E("GET", rule, f"{rule}?{query}", 200, told, None, HTML)
        yield E("HEAD", rule, f"{rule}?{query}", 200, told)
        yield E("GET", rule, f"{rule}?{missing}", 404, failed, reason=reason)
        broken = f"{rule}?{query}"
        yield E("GET", rule, broken, 500, failed, None, {}, State.BROKEN, "list_error")
    rule = "/files/move"
    yield E("GET", rule, f"{rule}?folder=/", 400, failed, reason="nothing_chosen")
    yield E("GET", rule, f"{rule}?folder=/&node={RECORD}", 404, failed, reason="file_not_found")
    yield E("GET", rule, f"{rule}?node={{file}}", 503, (), None, {}, State.MUTE, "journal_not_writable")  # fmt: skip


def versions() -> Iterator[Example]:
    """The contents that a file has had."""
    rule = "/files/<uuid:file_id>/versions"
    failed = ("list_failed",)
    yield E("GET", rule, "/files/{file}/versions", 200, ("versions_listed",), None, HTML)
    yield E("HEAD", rule, "/files/{file}/versions", 200, ("versions_listed",))
    yield E("GET", rule, f"/files/{RECORD}/versions", 404, failed, reason="file_not_found")
    trouble: dict[str, Any] = {"failed": "list_failed", "reason": "list_error"}
    yield from in_trouble("GET", rule, "/files/{file}/versions", **trouble)
    rule = f"{rule}/<uuid:version_id>"
    sent, failed = ("file_downloaded",), ("download_failed",)
    old = "/files/{old}"
    for headers, status in (({}, 200), ({"Range": "bytes=1-"}, 206)):
        yield E("GET", rule, old, status, sent, None, headers)
        yield E("GET", rule, "/files/{large}", status, sent, None, headers, leaves=True)
    yield E("GET", rule, old, 304, (), None, {"If-None-Match": "*"})
    yield E("GET", rule, old, 412, failed, None, {"If-Match": '"0"'}, reason="version_not_current")
    yield E("GET", rule, old, 416, failed, None, {"Range": "bytes=99-"}, reason="range_not_satisfiable")  # fmt: skip
    for target, status, reason in (
        (f"{RECORD}/versions/{RECORD}", 404, "file_not_found"),
        (f"{{file}}/versions/{RECORD}", 404, "version_not_found"),
        ("{missing}", 500, "content_missing"),
        ("{damaged}", 500, "content_damaged"),
    ):
        yield E("GET", rule, f"/files/{target}", status, failed, reason=reason)
    trouble = {"failed": "download_failed", "reason": "download_error"}
    yield from in_trouble("GET", rule, old, **trouble)
    yield E("HEAD", rule, old, 200, ())
    refused = "change_failed"
    yield act(rule, "", 303, "version_restored", target=old)
    for target, reason in (
        (f"{RECORD}/versions/{RECORD}", "file_not_found"),
        (f"{{file}}/versions/{RECORD}", "version_not_found"),
    ):
        yield act(rule, "", 404, refused, reason=reason, target=f"/files/{target}")
    yield from changed("POST", rule, old, NOTHING)


def permissions() -> Iterator[Example]:
    """Who may what in a folder."""
    rule, target = "/folders/<uuid:folder_id>/permissions", "/folders/{folder}/permissions"
    nowhere, root = f"/folders/{RECORD}/permissions", f"/folders/{ROOT}/permissions"
    failed = ("list_failed",)
    yield E("GET", rule, target, 200, ("folder_permissions_viewed",), None, HTML)
    yield E("HEAD", rule, target, 200, ("folder_permissions_viewed",))
    yield E("GET", rule, nowhere, 404, failed, reason="folder_not_found")
    trouble: dict[str, Any] = {"failed": "list_failed", "reason": "list_error"}
    yield from in_trouble("GET", rule, target, **trouble)
    refused = "change_failed"
    given = "permission-everyone=read"
    yield act(rule, given, 303, "folder_permission_changed", target=target)
    for body, where, status, reason in (
        ("", target, 400, "nothing_chosen"),
        ("permission-everyone=own", target, 400, "permission_not_valid"),
        ("permission-everyone=none", target, 400, "nobody_left"),
        (f"permission-{RECORD}=read", target, 400, "user_not_found"),
        ("inherit=1", root, 400, "root_needs_permissions"),
        (given, nowhere, 404, "folder_not_found"),
    ):
        yield act(rule, body, status, refused, reason=reason, target=where)
    yield from changed("POST", rule, target, given.encode())


def zips() -> Iterator[Example]:
    """Folders and selections in one download."""
    rule, one = "/zip", "/zip?folder=/{fullfolder}"
    failed = ("download_failed",)
    yield E("GET", rule, one, 200, ("file_downloaded",))
    yield E("GET", rule, "/zip?folder=/{fullfolder}/none", 404, failed, reason="folder_not_found")
    yield E("GET", rule, rule, 400, failed, reason="nothing_chosen")
    yield E("GET", rule, f"/zip?node={RECORD}", 404, failed, reason="file_not_found")
    for word in ("missing", "damaged"):
        target, reason = f"/zip?node={{{word}id}}", f"content_{word}"
        yield E("GET", rule, target, 500, failed, reason=reason)
        yield act(rule, f"node={{{word}id}}", 500, *failed, reason=reason)
    yield act(rule, "node={file}&node={folder}", 200, "file_downloaded")
    for body, status, reason in (
        ("", 400, "nothing_chosen"),
        ("folder=/{fullfolder}", 400, "nothing_chosen"),  # all of a folder is asked for by GET
        (f"node={RECORD}", 404, "file_not_found"),
    ):
        yield act(rule, body, status, *failed, reason=reason)
    trouble: dict[str, Any] = {"failed": "download_failed", "reason": "download_error"}
    yield from in_trouble("GET", rule, one, **trouble)
    yield from in_trouble("POST", rule, rule, b"node={file}", **trouble)
    yield E("HEAD", rule, one, 200, ())


def of_folders() -> Iterator[Example]:
    """All of them."""
    for some in (folders, moves, trash, trash_forms, forms, questions, versions, permissions, zips):
        yield from some()
