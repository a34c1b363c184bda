"""Around the gate: addresses written in another way, other methods, headers that name another page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from strongroom.permissions import Permission
from tests.attacks.attack import attack
from tests.attacks.callers import household, post
from tests.attacks.raw import ask
from tests.web.household import Household
from tests.web.wire import HTML, Answer, send

SECRET = "only for who may read files"
"""Content of the file, and so nothing that an auditor may see."""

FILE = "/api/v1/files/secret.txt"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    for house in household(tmp_path_factory, "bypass"):
        ada = house.headers(house.enter("Ada"))
        assert send(house.server, "PUT", FILE, SECRET.encode(), ada).status == 201
        yield house


@pytest.fixture(scope="module")
def callers(house: Household) -> dict[str, dict[str, str]]:
    """Headers of everybody who may not do everything."""
    return {
        "nobody": {},
        "Mia": house.headers(house.enter("Mia")),
        "Otto": house.headers(house.enter("Otto")),
    }


FORBIDDEN: dict[str, tuple[str, ...]] = {
    "Mia": ("/logs", "/api/v1/records", "/ledger/checkpoint", "/ledger/tile/0/000", "/admin/"),
    "Otto": ("/", "/files", "/api/v1/files", FILE, "/admin/"),
}
FORBIDDEN["nobody"] = (*FORBIDDEN["Mia"], *FORBIDDEN["Otto"], "/account")


def disguised(path: str) -> Iterator[bytes]:
    """The same address, as some part of some server would read it."""
    bare = path.rstrip("/")
    yield from (
        item.encode()
        for item in (
            f"/{path}", f"//{path}", f"/.{path}", f"/./{path}", f"/%2e{path}", f"/%2f{path[1:]}",
            f"{bare}/.", f"{bare}/./", f"{bare}//", f"{bare}/", f"{bare}/..;/", f"{bare};x",
            f"{bare};x=y/", f"{bare}%2f", f"{bare}%00", f"{bare}%00.css", f"{bare}%20", f"{bare}%09",
            f"{bare}%0a", f"{bare}?", f"{bare}??x", f"{bare}%3f", f"{bare}#x", f"{bare}%23", f"{bare}.",
            f"{bare}.json", f"{bare}.css", f"{bare}/static/x.css", f"{bare}..;", f"{bare}%2e", f"{bare}\\",
            f"{bare}%5c", f"{bare}~", f"{bare}*", path.upper(), path.title(), path.replace("/", "\\"),
            path.replace("/", "%2f"), path.replace("/", "%252f"), path.replace("/", "/%2e/"),
            f"/static/..{path}", f"/static/%2e%2e{path}", f"/accounts/static/..{path}",
            f"/accounts/static/..%2f{path[1:]}", f"/healthz/..{path}", f"/healthz/..;{path}",
            f"/healthz/%2e%2e{path}", f"/sign-in/..{path}", f"/sign-in/..;{path}", f"/sign-in;{path}",
            f"/sign-in?{path}", f"/sign-in%3f/..{path}", f"/api/v1/..{path}", f"/api/v1/../..{path}",
            f"http://127.0.0.1{path}", f"http://evil.example{path}", f"//evil.example{path}", f"*{path}",
            "".join(f"%{ord(letter):02x}" for letter in path),
            "/" + "".join(f"%{ord(letter):02x}" for letter in path[1:]),
            "/" + "".join(f"%25{ord(letter):02x}" for letter in path[1:]),
            path.replace("o", "%6f"), path.replace("i", "%69"), path.replace("s", "%c5%bf"),
        )
    )  # fmt: skip
    yield path.encode().replace(b"s", b"\xc5\xbf")
    yield b"/" + path[1:].encode().replace(b"/", b"\xc0\xaf")


def gives(answer: Answer, house: Household) -> str:
    """What of the forbidden is in an answer; nothing, if all is well."""
    body = answer.body.decode("utf-8", "replace")
    marks = (SECRET, "secret.txt</", '"filename"', '"records"', "logs_viewed", "BEGIN", "log_id",
             house.ids["Ada"], "Who can do what")  # fmt: skip
    return next((mark for mark in marks if mark in body), "")


@attack("CWE-551 authorization before canonicalization", "CVE-2012-6431 Symfony")
@pytest.mark.parametrize("who", FORBIDDEN)
def test_no_spelling_of_an_address_opens_it(
    house: Household, callers: dict[str, dict[str, str]], who: str
) -> None:
    headers = [f"{name}: {value}".encode() for name, value in {**HTML, **callers[who]}.items()]
    for path in FORBIDDEN[who]:
        for target in disguised(path):
            answer = ask(house.server, "GET", target, *headers)
            assert answer.status != 500, target
            assert not gives(answer, house), (who, target, answer.status)
            if 200 <= answer.status < 300:  # it was another page
                assert b"/sign-in" in target.lower() or who != "nobody", target


@attack("CWE-425 forced browsing")
@pytest.mark.parametrize("who", FORBIDDEN)
def test_no_header_names_another_page(
    house: Household, callers: dict[str, dict[str, str]], who: str
) -> None:
    names = ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path", "X-Forwarded-Uri", "X-Original-URI",
             "X-Override-URL", "X-Forwarded-Prefix", "X-Script-Name", "X-Sendfile", "X-Accel-Redirect",
             "Content-Location", "Destination", "Referer", "X-HTTP-DestinationURL")  # fmt: skip
    for path, target in product(FORBIDDEN[who], ("/healthz", "/sign-in", "/account", "/nowhere")):
        sent = {**HTML, **callers[who], **dict.fromkeys(names, path)}
        answer = send(house.server, "GET", target, headers=sent)
        assert not gives(answer, house), (who, path, target)


METHODS = ("HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "COPY", "MOVE", "SEARCH", "QUERY", "PATCH",
           "get", "Get", "GETS", "POST", "JEFF")  # fmt: skip


@attack("CWE-650 trusting HTTP permission methods")
@pytest.mark.parametrize("who", FORBIDDEN)
def test_no_method_reads_what_get_may_not(
    house: Household, callers: dict[str, dict[str, str]], who: str
) -> None:
    headers = [f"{name}: {value}".encode() for name, value in callers[who].items()]
    for path, method in product(FORBIDDEN[who], METHODS):
        answer = ask(house.server, method, path.encode(), *headers)
        assert 400 <= answer.status < 500 or answer.status in (303, 501), (method, path)
        assert not gives(answer, house), (method, path)
        if method == "HEAD":
            assert "ETag" not in answer.headers
        if method == "TRACE":
            assert b"strongroom-" not in answer.body


@attack("CWE-650 trusting HTTP permission methods")
def test_no_request_becomes_another_method(
    house: Household, callers: dict[str, dict[str, str]]
) -> None:
    overrides = dict.fromkeys(
        ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Method"), "DELETE"
    )
    _, token = house.token("Mia", Permission.FILES_READ)
    reader = {"Authorization": f"Bearer {token}"}
    for headers in (reader, callers["Otto"], callers["Mia"] | reader):
        for query in ("", "?_method=DELETE", "?method=DELETE"):
            send(house.server, "GET", FILE + query, headers={**headers, **overrides})
            fields = {
                "_method": "DELETE",
                "method": "DELETE",
                "csrf_token": headers.get("X-CSRF-Token", ""),
            }
            answer = post(house.server, FILE + query, fields, {**headers, **overrides})
            assert answer.status in (403, 405)
            assert (
                post(
                    house.server, f"/delete/secret.txt{query}", fields, {**headers, **overrides}
                ).status
                == 403
            )
    ada = house.headers(house.enter("Ada"))
    assert send(house.server, "GET", FILE, headers={**ada, **overrides}).text == SECRET
    assert send(house.server, "GET", FILE, headers=ada).text == SECRET


@attack("CWE-425 forced browsing")
def test_who_is_not_in_gets_the_door_alone(house: Household) -> None:
    for path in (
        "/logs/x",
        "/logs/x/proof",
        "/admin/users/x",
        "/account/tokens",
        "/delete/x",
        "/upload",
    ):
        for method in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
            answer = send(house.server, method, path, b"", HTML)
            assert answer.status in (303, 401, 404, 405), (method, path)
            assert not gives(answer, house)


@attack("CWE-425 forced browsing")
def test_a_way_in_would_be_seen(house: Household) -> None:
    """The suite's own check: what these cases look for is on the pages, for who may read them."""
    ada = house.headers(house.enter("Ada"))
    for path in {*FORBIDDEN["Mia"], *FORBIDDEN["Otto"]} - {"/ledger/tile/0/000"}:
        answer = send(house.server, "GET", path, headers={**HTML, **ada})
        assert answer.status == 200, path
        assert gives(answer, house) or path.startswith("/ledger"), path
