"""Who may talk to the server: Host, Origin and Sec-Fetch-Site; and headers of every answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.serving import Installation
from tests.web.expect import expect
from tests.web.wire import (
    AGENT,
    FORM,
    HTML,
    HTMX,
    JSON,
    Answer,
    Part,
    api,
    exchange,
    form,
    put,
    send,
)

Serve = Callable[..., Installation]

CHANGES = [
    ("PUT", api("forged.txt"), b"forged", {}),
    ("POST", "/upload", form(Part(b"forged", "forged.txt")), FORM),
    ("DELETE", api("mine.txt"), None, {}),
    ("DELETE", "/delete/mine.txt", None, HTMX),
    ("POST", "/delete/mine.txt", b"", HTML),
]

FOREIGN_ORIGINS = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://["},
    {"Origin": "https://127.0.0.1:{port}"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://localhost:{port}"},
    {"Origin": "http://127.0.0.1:{port}.evil.example"},
    {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "cross-site"},
]

OWN_ORIGINS = [
    {"Origin": "http://127.0.0.1:{port}"},
    {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {},
]


def _filled(server: Installation, headers: dict[str, str]) -> dict[str, str]:
    return {name: value.format(port=server.port) for name, value in headers.items()}


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS, ids=lambda case: " ".join(case.values()))
def test_another_site_changes_nothing(server: Installation, origin: dict[str, str]) -> None:
    if send(server, "HEAD", api("mine.txt")).status == 404:
        put(server, "mine.txt", b"mine")
    for method, target, body, headers in CHANGES:
        sent = {**JSON, **headers, **_filled(server, origin)}
        answer = send(server, method, target, body, sent)
        assert answer.status == 403
        expect(server, answer, "access_denied", reason="origin_not_allowed", status=403)
    names = [item["filename"] for item in send(server, "GET", "/api/v1/files").json()["files"]]
    assert names == ["mine.txt"]
    assert send(server, "GET", api("mine.txt")).body == b"mine"


@pytest.mark.parametrize("origin", OWN_ORIGINS, ids=lambda case: " ".join(case.values()))
def test_our_own_pages_and_scripts_pass(small: Installation, origin: dict[str, str]) -> None:
    headers = _filled(small, origin)
    answer = send(small, "PUT", api("own.txt"), b"x", headers)
    assert answer.status == 201
    expect(small, answer, "file_uploaded")
    answer = send(small, "DELETE", api("own.txt"), headers=headers)
    assert answer.status == 204
    expect(small, answer, "file_deleted")


def test_another_site_may_link_here(server: Installation) -> None:
    how = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert send(server, "GET", "/", headers={**HTML, **how}).status == 200


@pytest.mark.parametrize("target", [api("mine.txt"), "/", "/logs", "/api/v1/files"])
@pytest.mark.parametrize(
    "how",
    [
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    ],
    ids=lambda how: how["Sec-Fetch-Dest"],
)
def test_another_site_cannot_embed(server: Installation, target: str, how: dict[str, str]) -> None:
    """Else a download would stand in the records that nobody here asked for."""
    answer = send(server, "GET", target, headers={**JSON, "Sec-Fetch-Site": "cross-site", **how})
    answer.problem(403, "origin_not_allowed")
    expect(server, answer, "access_denied", reason="origin_not_allowed")


def _with_hosts(server: Installation, method: str, target: str, *hosts: str) -> Answer:
    lines = [f"{method} {target} HTTP/1.1", f"User-Agent: {AGENT}", "Accept: application/json"]
    lines += [f"Host: {host}" for host in hosts]
    return exchange(server, "".join(f"{line}\r\n" for line in [*lines, ""]).encode())


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example",
        "localhost.evil.example:{port}",
        "192.168.0.1",
        "127.0.0.1:{port}@evil.example",
        "127.0.0.1:x",
        "[::2]",
        "",
    ],
)
@pytest.mark.parametrize("target", ["/", api("x"), "/logs", "/api/v1/records", "/nowhere"])
def test_another_name_is_not_ours(server: Installation, host: str, target: str) -> None:
    answer = _with_hosts(server, "GET", target, host.format(port=server.port))
    answer.problem(421, "host_not_allowed")
    expect(server, answer, "access_denied", reason="host_not_allowed", status=421)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "127.0.0.1", "localhost:{port}", "LOCALHOST", "[::1]:{port}"]
)
def test_our_names_are_ours(server: Installation, host: str) -> None:
    answer = _with_hosts(server, "GET", "/api/v1/files", host.format(port=server.port))
    assert answer.status == 200


def test_a_name_can_be_added(serve: Serve) -> None:
    server = serve(allowed_hosts="files.example.org, Box.local", workers=1)
    for host, status in [
        ("files.example.org", 200),
        ("FILES.example.org:443", 200),
        ("box.local", 200),
        ("localhost", 200),
        ("example.org", 421),
    ]:
        answer = _with_hosts(server, "GET", "/api/v1/files", host)
        assert answer.status == status
    sent = {"Host": "box.local", "Origin": "http://box.local"}
    assert send(server, "PUT", api("x"), b"x", sent).status == 201


ANSWERS: list[tuple[str, str, dict[str, str], int]] = [
    ("GET", "/", HTML, 200),
    ("GET", "/files", HTMX, 200),
    ("GET", "/logs", HTML, 200),
    ("GET", "/api/v1/files", JSON, 200),
    ("GET", "/api/v1/records", JSON, 200),
    ("GET", api("nothing"), JSON, 404),
    ("GET", "/nowhere", HTML, 404),
    ("GET", "/nowhere", HTMX, 404),
    ("POST", "/", JSON, 405),
    ("OPTIONS", "/upload", JSON, 200),
    ("POST", "/upload", HTML, 400),
    ("PUT", api(".."), {"Origin": "null"}, 403),
    ("GET", "/", {"Host": "evil.example"}, 421),
    ("GET", "/healthz", {}, 200),
    ("GET", "/readyz", {}, 200),
    ("GET", "/static/shell.css", {}, 200),
    ("GET", "/files/static/files.js", {}, 200),
    ("GET", "/logs/static/viewer.css", {}, 200),
    ("GET", "/static/nothing.css", {}, 404),
]


@pytest.mark.parametrize(("method", "target", "headers", "status"), ANSWERS)
def test_headers_of_every_answer(
    server: Installation, method: str, target: str, headers: dict[str, str], status: int
) -> None:
    answer = send(server, method, target, b"" if method == "POST" else None, headers)
    assert answer.status == status
    policy = answer.header("Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.header("X-Frame-Options") == "DENY"
    assert answer.header("Cross-Origin-Opener-Policy") == "same-origin"
    assert answer.header("Cross-Origin-Resource-Policy") == "same-origin"
    assert answer.header("Referrer-Policy") in ("same-origin", "no-referrer")
    assert answer.header("X-Request-ID")
    assert "public" not in answer.header("Cache-Control")
    assert "Set-Cookie" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers
    server_name = str(answer.headers.get("Server", ""))
    assert not any(character.isdigit() for character in server_name)  # no version is given away
