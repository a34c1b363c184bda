"""One request for every outcome of the routes of resumable uploads."""

from __future__ import annotations

from collections.abc import Iterator

from tests.web.completeness import FILE, RECORD, Example, State
from tests.web.tus.client import PIECE, VERSION, checksum, metadata

E = Example
ALL = "/tus/"
ONE = "/tus/<uuid:upload_id>"
REFUSED = ("upload_failed",)
FAR = "/".join(["n" * 255] * 17)
LARGE = bytes(8 * 1024 * 1024 + 1)


def creation(name: str, length: int | str | None, **more: str) -> dict[str, str]:
    """Headers of one."""
    told = {} if length is None else {"Upload-Length": str(length)}
    return {**VERSION, **told, "Upload-Metadata": metadata(filename=name, **more)}


def creations() -> Iterator[Example]:
    """``POST`` to ``/tus/``."""
    started, done = ("upload_started",), ("upload_started", "file_uploaded")

    def create(
        status: int,
        events: tuple[str, ...],
        headers: dict[str, str],
        body: bytes = b"",
        **more: object,
    ) -> Example:
        return E("POST", ALL, ALL, status, events, body, headers, **more)  # type: ignore[arg-type]

    yield create(201, started, creation("tus begun", 4))
    yield create(201, started, creation("tus deferred", None) | {"Upload-Defer-Length": "1"})
    yield create(201, done, creation("tus empty", 0))
    yield create(201, done, creation("tus whole", 4) | PIECE, b"abcd")
    yield create(201, ("folder_created", *started), creation("a", 4, relativePath="tus folder/a"))
    for headers, status, reason in (
        (creation("x", -1), 400, "header_not_valid"),
        ({**VERSION, "Upload-Length": "4", "Upload-Metadata": "filename !"}, 400, "metadata_not_valid"),
        (creation("..", 4), 400, "filename_not_allowed"),
        (creation("", 4), 400, "filename_empty"),
        (creation("x" * 300, 4), 400, "filename_too_long"),
        (creation("x", 4, folder="/" + "x/" * 65), 400, "path_too_deep"),
        (creation("x", 4, folder="/" + FAR), 400, "path_too_long"),
        (creation("x", 4, folder="/none"), 404, "folder_not_found"),
        (creation(FILE, 4), 409, "filename_taken"),
        (creation("x", 4) | {"Tus-Resumable": "0.2.2"}, 412, "tus_version_not_supported"),
        (creation("x", 4, replace="0" * 64), 412, "version_not_current"),
        (creation("x", 10**15), 413, "file_too_large"),
    ):  # fmt: skip
        yield create(status, REFUSED, headers, reason=reason)
    yield create(413, REFUSED, creation("x", 1) | PIECE, b"abcd", reason="upload_overrun")
    yield create(415, REFUSED, creation("x", 4) | {"Content-Type": "text/plain"}, b"abcd",
                 reason="content_type_not_supported")  # fmt: skip
    wrong = creation("tus wrong", 4) | PIECE | checksum("sha1", b"other")
    yield create(460, (*started, *REFUSED), wrong, b"abcd", reason="checksum_mismatch")
    yield create(400, started, creation("tus left", 9000) | PIECE, bytes(9000), leaves=True)
    full = creation("tus full", len(LARGE)) | PIECE
    yield create(
        507, (*started, "upload_error"), full, LARGE, state=State.FULL, reason="storage_full"
    )
    broken = creation("tus broken", 4)
    yield create(500, ("upload_error",), broken, state=State.BROKEN, reason="storage_failed")
    yield create(503, (), broken, state=State.MUTE, reason="journal_not_writable")


def pieces() -> Iterator[Example]:
    """``PATCH``, and ``POST`` in its place."""

    def patch(
        upload: str,
        status: int,
        events: tuple[str, ...],
        body: bytes = b"abcd",
        headers: dict[str, str] | None = None,
        **more: object,
    ) -> Example:
        sent = {**VERSION, **PIECE, "Upload-Offset": "0", **(headers or {})}
        return E("PATCH", ONE, ALL + upload, status, events, body, sent, **more)  # type: ignore[arg-type]

    yield patch("{upload}", 204, (), b"ab")
    yield patch("{upload}", 204, ("file_uploaded",))
    yield patch("{half}", 204, ("file_uploaded",), b"cd", {"Upload-Offset": "2"})
    resumed = ("upload_resumed", "file_uploaded")
    yield patch("{cutoff}", 204, resumed, b"cd", {"Upload-Offset": "2"})
    yield patch("{deferred}", 204, ("file_uploaded",), headers={"Upload-Length": "4"})
    for upload, status, headers, reason in (
        ("{upload}", 400, {"Upload-Offset": "+0"}, "header_not_valid"),
        ("{upload}", 400, {"Upload-Length": "5"}, "length_known"),
        (RECORD, 404, {}, "upload_not_found"),
        ("{upload}", 409, {"Upload-Offset": "1", "Content-Length": "1"}, "offset_mismatch"),
        ("{unlucky}", 409, {}, "filename_taken"),
        ("{expired}", 410, {}, "upload_expired"),
        ("{upload}", 412, {"Tus-Resumable": "2"}, "tus_version_not_supported"),
        ("{deferred}", 413, {"Upload-Length": str(10**15)}, "file_too_large"),
        ("{upload}", 415, {"Content-Type": "text/plain"}, "content_type_not_supported"),
        ("{upload}", 460, checksum("md5", b"other"), "checksum_mismatch"),
    ):
        body = b"a" if "Content-Length" in headers else b"abcd"
        yield patch(upload, status, REFUSED, body, headers, reason=reason)
    yield patch("{upload}", 413, REFUSED, b"abcdefgh", reason="upload_overrun")
    yield patch("{huge}", 400, (), bytes(9000), leaves=True)
    yield patch("{huge}", 507, ("upload_error",), LARGE, state=State.FULL, reason="storage_full")
    yield patch("{upload}", 500, ("upload_error",), state=State.BROKEN, reason="storage_failed")
    yield patch("{upload}", 503, (), state=State.MUTE, reason="journal_not_writable")
    by_post = {**VERSION, **PIECE, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    yield E("POST", ONE, ALL + "{upload}", 204, ("file_uploaded",), b"abcd", by_post)
    yield E("POST", ONE, ALL + RECORD, 404, REFUSED, b"abcd", by_post, reason="upload_not_found")
    plain = {**VERSION, **PIECE, "Upload-Offset": "0"}
    yield E(
        "POST", ONE, ALL + "{upload}", 405, REFUSED, b"abcd", plain, reason="method_not_allowed"
    )


def others() -> Iterator[Example]:
    """``HEAD``, ``DELETE`` and ``OPTIONS``."""
    for method, status, events in (("HEAD", 200, ()), ("DELETE", 204, ("upload_aborted",))):
        yield E(method, ONE, ALL + "{half}", status, events, None, VERSION)
        for upload, refusal, headers, reason in (
            (RECORD, 404, VERSION, "upload_not_found"),
            ("{expired}", 410, VERSION, "upload_expired"),
            ("{upload}", 412, {}, "tus_version_not_supported"),
        ):
            yield E(method, ONE, ALL + upload, refusal, REFUSED, None, headers, reason=reason)
        broken = ALL + "{upload}"
        yield E(method, ONE, broken, 500, ("upload_error",), None, VERSION, State.BROKEN, "storage_failed")  # fmt: skip
    muted = ALL + "{upload}"
    yield E("DELETE", ONE, muted, 503, (), None, VERSION, State.MUTE, "journal_not_writable")
    strange = {**VERSION, "Host": "evil.example"}
    yield E("HEAD", ONE, ALL + RECORD, 421, ("access_denied",), None, strange, reason="host_not_allowed")  # fmt: skip


def of_tus() -> Iterator[Example]:
    """All of them."""
    yield from creations()
    yield from pieces()
    yield from others()
