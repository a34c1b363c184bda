"""Another site in the same browser: forms, scripts and pictures that act in somebody's name."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.attacks.attack import attack
from tests.attacks.callers import enter, household, is_in, post
from tests.web.household import PASSWORD, Household
from tests.web.wire import FORM, HTML, HTMX, JSON, Answer, Part, form, send

pytestmark = attack("CWE-352 cross-site request forgery", "CVE-2021-46398 File Browser")

SITES = {
    "another origin": {"Origin": "https://evil.example"},
    "null origin": {"Origin": "null"},
    "empty origin": {"Origin": ""},
    "another port": {"Origin": "http://127.0.0.1:1"},
    "another scheme": {"Origin": "https://127.0.0.1:{port}"},
    "a longer host": {"Origin": "http://127.0.0.1:{port}.evil.example"},
    "a user": {"Origin": "http://127.0.0.1:{port}@evil.example"},
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "same-site": {"Sec-Fetch-Site": "same-site"},
    "both": {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
}
"""What a browser says of the page that sends a request."""

KINDS = (
    "application/x-www-form-urlencoded",
    "text/plain",
    "text/plain; application/json",
    "application/json",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded; charset=utf-16",
    "",
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    for house in household(tmp_path_factory, "forgery"):
        ada = house.headers(house.enter("Ada"))
        assert send(house.server, "PUT", "/api/v1/files/kept", b"x", ada).status == 201
        yield house


@pytest.fixture(scope="module")
def ada(house: Household) -> dict[str, str]:
    """What the administrator's browser sends by itself, and the word that only our pages know."""
    return house.headers(house.enter("Ada"))


def acts(house: Household) -> tuple[tuple[str, str], ...]:
    """Whatever changes something."""
    mia = f"/admin/users/{house.ids['Mia']}"
    return (
        ("POST", "/upload"),
        ("PUT", "/api/v1/files/forged"),
        ("DELETE", "/api/v1/files/kept"),
        ("DELETE", "/delete/kept"),
        ("POST", "/delete/kept"),
        ("POST", "/sign-out"),
        ("POST", "/account/password"),
        ("POST", "/account/tokens"),
        ("POST", "/account/sessions/end-others"),
        ("POST", "/admin/users"),
        ("POST", mia),
        *(("POST", f"{mia}/{act}") for act in ("disable", "enable", "reset", "sessions/end")),
        ("POST", "/admin/unblock"),
    )


def body_of(target: str) -> bytes:
    """A body that would do."""
    if target == "/upload":
        return form(Part(b"x", "forged"))
    fields = {
        "name": "Eve",
        "role": "admin",
        "token_name": "Eve",
        "scope": "files:read",
        "days": "7",
    }
    return "&".join(f"{name}={value}" for name, value in fields.items()).encode()


def forged(house: Household, method: str, target: str, headers: dict[str, str]) -> Answer:
    """Send it the way another site would."""
    kind = FORM if target.startswith("/upload") else {"Content-Type": KINDS[0]}
    return send(house.server, method, target, body_of(target), {**HTML, **kind, **headers})


def untouched(house: Household, ada: dict[str, str]) -> bool:
    """Nothing of it has happened."""
    listed = send(house.server, "GET", "/api/v1/files", headers=ada).json()["files"]
    people = house.accounts.permissions_overview()
    return (
        [item["filename"] for item in listed] == ["kept"]
        and [row.user.name for row in people] == ["Ada", "Mia", "Otto"]
        and not any(row.user.disabled for row in people)
        and not house.accounts.tokens(house.ids["Ada"])[1:]
        and is_in(house.server, ada)
    )


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.replace(" ", "-"))
def test_another_site_changes_nothing(house: Household, ada: dict[str, str], site: str) -> None:
    """Not even with the right word, should it ever leak."""
    port = str(house.server.port)
    said = {name: value.replace("{port}", port) for name, value in SITES[site].items()}
    for method, target in acts(house):
        for style in ({}, HTMX, {"X-Requested-With": "XMLHttpRequest"}):
            answer = forged(house, method, target, {**ada, **style, **said})
            assert answer.status == 403, (method, target)
            assert "Access-Control-Allow-Origin" not in answer.headers
    assert untouched(house, ada)


def test_nothing_changes_without_the_word(house: Household, ada: dict[str, str]) -> None:
    """As where a proxy has taken away the headers that say where a request comes from."""
    cookie = {"Cookie": ada["Cookie"]}
    right = ada["X-CSRF-Token"]
    others = house.headers(house.enter("Mia"))["X-CSRF-Token"]
    words = ("", "x", right[:-1], right + "x", right.swapcase(), others, "null", "é")
    for method, target in acts(house):
        for word in words:
            named = {**cookie, "X-CSRF-Token": word.encode().decode("latin-1")}
            assert forged(house, method, target, named).status == 403, (method, target, word)
        for wrong in ("", others):
            assert forged(house, method, f"{target}?csrf_token={wrong}", cookie).status == 403
        assert forged(house, method, target, cookie).status == 403
        for name in ("Cookie-CSRF", "X-XSRF-Token", "X-CSRFToken", "CSRF-Token"):
            assert forged(house, method, target, {**cookie, name: right}).status == 403
        tossed = {"Cookie": f"{ada['Cookie']}; csrf_token={right}; X-CSRF-Token={right}"}
        assert forged(house, method, target, tossed).status == 403
    assert untouched(house, ada)


@pytest.mark.parametrize("kind", KINDS)
def test_no_content_type_is_a_way_around(house: Household, ada: dict[str, str], kind: str) -> None:
    cookie = {"Cookie": ada["Cookie"], "Content-Type": kind, **HTML}
    bodies = (
        json.dumps({"name": "Eve", "role": "admin", "scope": "files:read"}).encode(),
        body_of("/admin/users") + b"&csrf_token=x",
        b'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\nx\r\n--x--\r\n',
        b"",
    )
    for method, target in acts(house):
        for body in bodies:
            answer = send(house.server, method, target, body, cookie)
            assert answer.status in (400, 403), (method, target, body)
    assert untouched(house, ada)


def test_nobody_is_signed_in_as_somebody_else(house: Household) -> None:
    """Lest they upload into an account of the attacker's."""
    for site in SITES.values():
        said = {
            name: value.replace("{port}", str(house.server.port)) for name, value in site.items()
        }
        answer = enter(house.server, "Mia", PASSWORD, said)
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers
    secret = house.accounts.reset(house.ids["Mia"])
    fields = {"password": PASSWORD, "again": PASSWORD}
    for said in SITES.values():
        answer = post(house.server, f"/password?link={secret}", fields, said)
        assert answer.status == 403
    assert house.accounts.link(secret) is not None


def test_a_picture_is_no_download_of_mine(house: Household, ada: dict[str, str]) -> None:
    """An address in a picture, frame, script or prefetch of another site leaves no such record."""
    for mode, destination in (
        ("no-cors", "image"),
        ("no-cors", "script"),
        ("no-cors", "empty"),
        ("cors", "empty"),
        ("navigate", "iframe"),
        ("navigate", "object"),
        ("websocket", "websocket"),
    ):
        said = {
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": mode,
            "Sec-Fetch-Dest": destination,
        }
        for target in ("/api/v1/files/kept", "/files", "/logs", "/account", "/sign-in?next=/"):
            answer = send(house.server, "GET", target, headers={**JSON, **ada, **said})
            assert answer.status == 403, (target, destination)
            assert b"kept" not in answer.body
    assert house.server.records("event:file_downloaded") == []


def test_no_get_changes_anything(house: Household, ada: dict[str, str]) -> None:
    """A link from another site is followed with its cookie."""
    said = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    for _, target in acts(house):
        for method in ("GET", "HEAD"):
            query = "?" + body_of("").decode() + f"&csrf_token={ada['X-CSRF-Token']}"
            send(house.server, method, target + query, headers={**HTML, **ada, **said})
    assert untouched(house, ada)


def test_answers_stay_within_the_site(house: Household, ada: dict[str, str]) -> None:
    for target in ("/", "/logs", "/account", "/admin/", "/sign-in", "/api/v1/files"):
        for method in ("GET", "OPTIONS"):
            headers = {
                **ada,
                "Origin": "https://evil.example",
                "Access-Control-Request-Method": "DELETE",
            }
            answer = send(house.server, method, target, headers=headers)
            assert not [
                name for name in answer.headers if name.lower().startswith("access-control")
            ]
            assert answer.header("X-Frame-Options") == "DENY"
            assert "frame-ancestors 'none'" in answer.header("Content-Security-Policy")
            assert answer.header("Cross-Origin-Resource-Policy") == "same-origin"
