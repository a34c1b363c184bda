"""What a browser sends by itself changes nothing: each change shows a word of its own session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from strongroom.bootstrap import create_app
from strongroom.permissions import Permission
from strongroom.settings import load
from tests.web.callers import RECORD, Route, routes_of
from tests.web.people import PAGE, PASSWORD, House, act, csrf, token

HTMX = {"HX-Request": "true"}
EVIL = "https://evil.example"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Ada, Otto and Mia; and a file that must stay."""
    house = House(tmp_path_factory.mktemp("csrf") / "data")
    with house.bearing(token(house.ada, Permission.FILES_WRITE)) as script:
        assert script.put("/api/v1/files/kept.txt", content=b"kept").status_code == 201
    yield house
    house.close()


@pytest.fixture
def mia(house: House) -> httpx.Client:
    """Mia's browser."""
    return house.enter("Mia")


def test_every_route_that_changes_something_asks_for_the_word(house: House, tmp_path: Path) -> None:
    app = create_app(load(data=tmp_path / "data", log_output="none"))
    app.extensions["strongroom.audit"].close()
    unsafe = [route for route in routes_of(app) if route.method not in ("GET", "HEAD")]
    assert {route.method for route in unsafe} == {"POST", "PUT", "PATCH", "DELETE"}
    with house.enter("Ada") as ada, house.enter("Ada") as other:
        foreign, own = csrf(other), csrf(ada)
        for route in unsafe:
            for wrong in ({}, {"X-CSRF-Token": foreign}, {"X-CSRF-Token": own[:-1]}):
                answer = ada.request(route.method, route.path, headers=wrong)
                assert answer.status_code == 403, route
                [record] = house.outcomes(answer)
                assert (record["event"], record["reason"]) == (
                    "access_denied",
                    "csrf_token_missing",
                )
                assert record["user_id"] == house.ids["Ada"]
            assert reaches(ada, route, own), route
        assert ada.get("/account").status_code == 200  # nothing has ended her session


def reaches(client: httpx.Client, route: Route, word: str) -> bool:
    """Whether the request passes the gate with the right word; what ends sessions is left out."""
    if route.path in ("/sign-out", "/account/sessions/end-others"):
        return True
    answer = client.request(route.method, route.path, headers={"X-CSRF-Token": word})
    link = route.path in ("/setup", "/password")  # refused for the lack of a link
    return answer.status_code != 403 or link


def by_header(client: httpx.Client, word: str) -> httpx.Response:
    return client.put("/api/v1/files/by header.txt", content=b"x", headers={"X-CSRF-Token": word})


def by_field(client: httpx.Client, word: str) -> httpx.Response:
    return client.post("/account/sessions/end-others", data={"csrf_token": word})


def by_address(client: httpx.Client, word: str) -> httpx.Response:
    files = {"file": ("by address.txt", b"x")}
    return client.post("/upload", params={"csrf_token": word}, files=files)


def by_htmx(client: httpx.Client, word: str) -> httpx.Response:
    client.put("/api/v1/files/by htmx.txt", content=b"x", headers={"X-CSRF-Token": word})
    return client.delete("/delete/by htmx.txt", headers={**HTMX, "X-CSRF-Token": word})


@pytest.mark.parametrize("send", [by_header, by_field, by_address, by_htmx])
def test_the_word_is_taken_where_our_pages_put_it(
    house: House, mia: httpx.Client, send: Callable[[httpx.Client, str], httpx.Response]
) -> None:
    other, somebody_else = house.enter("Mia"), house.enter("Otto")
    right = csrf(mia)
    for wrong in ("", "x", right[:-1], right + "a", right.swapcase(), "ü", csrf(other),
                  csrf(somebody_else), house.cookie, mia.cookies[house.cookie]):  # fmt: skip
        if wrong == "ü" and send in (by_header, by_htmx):
            continue  # which no header may have
        assert send(mia, wrong).status_code == 403, wrong
    assert send(mia, right).status_code in (200, 201, 303)


def test_a_form_with_files_is_not_read_for_it(house: House, mia: httpx.Client) -> None:
    """The whole upload would have to arrive before it could be refused."""
    right = csrf(mia)
    files = {"file": ("in the form.txt", b"x")}
    answer = mia.post("/upload", data={"csrf_token": right}, files=files)
    assert answer.status_code == 403
    script = house.bearing(token(mia, Permission.FILES_READ))
    assert script.get("/api/v1/files/in the form.txt").status_code == 404
    # Nor is it looked for in what another site may send without asking.
    plain = mia.post(
        "/account/sessions/end-others",
        content=f"csrf_token={right}",
        headers={"Content-Type": "text/plain"},
    )
    assert plain.status_code == 403


def test_the_word_is_no_secret_of_the_session_and_dies_with_it(
    house: House, mia: httpx.Client
) -> None:
    word, secret = csrf(mia), mia.cookies[house.cookie]
    assert word != secret
    assert secret not in mia.get("/account").text
    again = house.enter("Mia")
    assert csrf(again) != word
    assert act(mia, "/sign-out").status_code == 303
    assert again.put("/api/v1/files/a", content=b"", headers={"X-CSRF-Token": word}).is_error
    assert house.visitor().get("/sign-in").text.count("csrf_token") == 0


def test_a_token_needs_no_word(house: House, mia: httpx.Client) -> None:
    with house.bearing(token(mia, Permission.FILES_WRITE)) as script:
        assert script.put("/api/v1/files/by token.txt", content=b"x").status_code == 201
        # A cookie beside it changes nothing: it is the token that acts.
        cookie = f"{house.cookie}={mia.cookies[house.cookie]}"
        answer = script.delete("/api/v1/files/by token.txt", headers={"Cookie": cookie})
        assert answer.status_code in (200, 204)
        [record] = house.outcomes(answer)
        assert "token_id" in record
        assert "session_id" not in record


def test_signing_in_anew_while_signed_in_takes_the_word(house: House, mia: httpx.Client) -> None:
    """Otherwise another site could change who somebody is here."""
    form = {"name": "Otto", "password": PASSWORD}
    before = house.session_id(mia)
    assert mia.post("/sign-in", data=form).status_code == 403
    assert house.session_id(mia) == before
    assert act(mia, "/sign-in", **form).status_code == 303
    assert house.session_id(mia) != before


FOREIGN = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://127.0.0.1:1"},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("target", ["/sign-in", "/sign-out", "/setup", "/password?link=x"])
def test_no_other_site_signs_anybody_in_or_out(
    house: House, headers: dict[str, str], target: str
) -> None:
    form = {"name": "Mia", "password": PASSWORD, "again": PASSWORD}
    client = house.ada if target == "/sign-out" else house.visitor()
    answer = client.post(target, data=form, headers=headers)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    [record] = house.outcomes(answer)
    assert (record["event"], record["reason"]) == ("access_denied", "origin_not_allowed")
    assert house.ada.get("/account").status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
def test_the_word_does_not_make_up_for_another_origin(
    house: House, headers: dict[str, str]
) -> None:
    word = csrf(house.ada)
    for method, target in (
        ("DELETE", "/api/v1/files/kept.txt"),
        ("DELETE", "/delete/kept.txt"),
        ("POST", "/delete/kept.txt"),
        ("POST", f"/admin/users/{house.ids['Mia']}/disable"),
        ("POST", f"/account/tokens/{RECORD}/revoke"),
    ):
        sent = {**headers, "X-CSRF-Token": word}
        answer = house.ada.request(method, target, headers=sent)
        assert answer.status_code == 403
        assert house.outcomes(answer)[0]["reason"] == "origin_not_allowed"
    assert house.ada.get("/api/v1/files/kept.txt").text == "kept"


def test_a_refused_form_says_what_to_do(house: House, mia: httpx.Client) -> None:
    answer = mia.post("/account/sessions/end-others", headers=PAGE)
    assert "Reload the page and try again" in answer.text
    fragment = mia.delete("/delete/x", headers=HTMX)
    assert fragment.headers["HX-Retarget"] == "#notices"
    assert "Reload the page" in fragment.text
    problem = mia.put("/api/v1/files/x", content=b"").json()
    assert (problem["status"], problem["reason"]) == (403, "csrf_token_missing")


def test_an_answer_is_kept_by_no_cache(mia: httpx.Client) -> None:
    """The word would be in it."""
    for place in ("/", "/account", "/sign-in"):
        assert mia.get(place).headers["Cache-Control"] == "no-store"
