"""Conditional requests (RFC 9110, section 13): an act on what is not as the client believes does nothing."""

from __future__ import annotations

import pytest

from tests.serving import Installation
from tests.web.expect import expect
from tests.web.wire import api, put, send

OTHER = f'"{"0" * 64}"'


def etag(server: Installation, name: str) -> str:
    """What the file holds now."""
    return send(server, "HEAD", api(name)).header("ETag")


@pytest.mark.parametrize(
    "conditions",
    [
        {"If-Match": OTHER},
        {"If-Match": "W/{tag}"},
        {"If-Match": ""},
        {"If-None-Match": "*"},
        {"If-None-Match": "{tag}"},
        {"If-None-Match": "W/{tag}"},
        {"If-Match": "{tag}", "If-None-Match": "*"},
    ],
)
def test_nothing_is_deleted_that_is_not_as_it_should_be(
    server: Installation, conditions: dict[str, str]
) -> None:
    put(server, "kept.txt", b"kept") if not listed(server, "kept.txt") else None
    tag = etag(server, "kept.txt")
    headers = {name: value.replace("{tag}", tag) for name, value in conditions.items()}
    answer = send(server, "DELETE", api("kept.txt"), headers=headers)
    answer.problem(412, "version_not_current")
    expect(server, answer, "delete_failed", reason="version_not_current", status=412)
    assert send(server, "GET", api("kept.txt")).body == b"kept"


def listed(server: Installation, name: str) -> bool:
    """Whether there is such a file."""
    return send(server, "HEAD", api(name)).status == 200


@pytest.mark.parametrize("condition", ["{tag}", f"{OTHER}, {{tag}}", "*"])
def test_what_is_as_it_should_be_is_deleted(server: Installation, condition: str) -> None:
    put(server, "going.txt", b"going")
    headers = {"If-Match": condition.replace("{tag}", etag(server, "going.txt"))}
    assert send(server, "DELETE", api("going.txt"), headers=headers).status == 204
    assert not listed(server, "going.txt")


def test_a_folder_has_no_tag(server: Installation) -> None:
    put(server, "folder/file.txt", b"x")
    folder = "/api/v1/folders/folder"
    send(server, "DELETE", folder, headers={"If-Match": OTHER}).problem(412, "version_not_current")
    assert listed(server, "folder/file.txt")
    assert send(server, "DELETE", folder, headers={"If-Match": "*"}).status == 204


@pytest.mark.parametrize("not_this", ["*", "{tag}", "W/{tag}"])
def test_conditions_that_rule_each_other_out(server: Installation, not_this: str) -> None:
    name = f"both {len(not_this)}.txt"
    put(server, name, b"before")
    tag = etag(server, name)
    headers = {"If-Match": tag, "If-None-Match": not_this.replace("{tag}", tag)}
    answer = send(server, "PUT", api(name), b"after", headers)
    answer.problem(412, "condition_not_valid")
    expect(server, answer, "upload_failed", reason="condition_not_valid", status=412)
    assert send(server, "GET", api(name)).body == b"before"


def test_a_name_in_use_is_recorded_with_the_status_it_is_answered(server: Installation) -> None:
    put(server, "in use.txt", b"before")
    answer = send(server, "PUT", api("in use.txt"), b"after", {"If-None-Match": "*"})
    answer.problem(412, "filename_taken")
    expect(server, answer, "upload_failed", reason="filename_taken", status=412)
    plain = send(server, "PUT", api("in use.txt"), b"after")
    expect(server, plain, "upload_failed", reason="filename_taken", status=409)


def test_what_cannot_be_replaced_leaves_no_folders(server: Installation) -> None:
    put(server, "a file", b"x")
    for path in ("new/deeper/x.txt", "a file/x.txt"):
        answer = send(
            server, "PUT", f"/api/v1/files/{path}".replace(" ", "%20"), b"x", {"If-Match": OTHER}
        )
        answer.problem(412, "version_not_current")
        expect(server, answer, "upload_failed", reason="version_not_current", status=412)
    send(server, "GET", "/api/v1/files?folder=/new").problem(404, "folder_not_found")


def test_no_bytes_leave_that_are_not_those(server: Installation) -> None:
    put(server, "read.txt", b"content")
    answer = send(server, "GET", api("read.txt"), headers={"If-Match": OTHER})
    answer.problem(412, "version_not_current")
    expect(server, answer, "download_failed", reason="version_not_current", status=412)
    matched = send(server, "GET", api("read.txt"), headers={"If-Match": etag(server, "read.txt")})
    assert matched.body == b"content"
