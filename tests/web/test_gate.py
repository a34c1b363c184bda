"""Every route and everybody: the map of the real application is walked, so that none is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from flask import Flask

from strongroom.bootstrap import create_app
from strongroom.permissions import Access, Permission, declared
from strongroom.settings import load
from strongroom.web.app import AUDIT_NEEDS, STATIC_NEEDS
from tests.serving import Installation
from tests.web.callers import (
    PEOPLE,
    READING,
    RECORD,
    STRANGERS,
    TOKENS,
    Caller,
    Route,
    database,
    everybody,
    routes_of,
)
from tests.web.people import PAGE, House, csrf, token
from tests.web.wire import send

API = {"Accept": "application/json"}
HTMX = {"HX-Request": "true", "Accept": "text/html, */*"}


def undeclared(app: Flask) -> list[str]:
    """The endpoints of which nobody has said what they need."""
    others = {**AUDIT_NEEDS, **STATIC_NEEDS}
    return [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if declared(app.view_functions[rule.endpoint]) is None and rule.endpoint not in others
    ]


@pytest.fixture(scope="module", params=["accounts", "no_auth"])
def each_app(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """The real application, with accounts and without."""
    data = tmp_path_factory.mktemp("app") / "data"
    app = create_app(load(data=data, log_output="none", no_auth=request.param == "no_auth"))
    yield app
    app.extensions["strongroom.audit"].close()


def test_every_route_declares_what_it_needs(each_app: Flask) -> None:
    assert undeclared(each_app) == []


def test_what_is_declared_for_others_is_there(tmp_path: Path) -> None:
    app = create_app(load(data=tmp_path / "data", log_output="none"))
    app.extensions["strongroom.audit"].close()
    assert {*AUDIT_NEEDS, *STATIC_NEEDS} <= {rule.endpoint for rule in app.url_map.iter_rules()}


@pytest.mark.parametrize("no_auth", [False, True], ids=["accounts", "no_auth"])
def test_a_route_of_which_nobody_has_said_so_is_refused(tmp_path: Path, no_auth: bool) -> None:
    app = create_app(load(data=tmp_path / "data", log_output="none", no_auth=no_auth))
    app.add_url_rule("/forgotten", "forgotten", lambda: "a secret", methods=["GET", "POST"])
    assert undeclared(app) == ["forgotten"]
    client = app.test_client()
    try:
        for method in ("GET", "HEAD", "OPTIONS", "POST"):
            answer = client.open("/forgotten", method=method, headers=API)
            assert answer.status_code == 403
            assert "a secret" not in answer.text
            if method != "HEAD":
                assert answer.get_json()["reason"] == "route_not_declared"
    finally:
        app.extensions["strongroom.audit"].close()


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[Route]:
    """Of the application with accounts."""
    data = tmp_path_factory.mktemp("routes") / "data"
    app = create_app(load(data=data, log_output="none"))
    app.extensions["strongroom.audit"].close()
    return routes_of(app)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Ada, Otto and Mia."""
    house = House(tmp_path_factory.mktemp("gate") / "data")
    yield house
    house.close()


@pytest.fixture(scope="module")
def callers(house: House) -> dict[str, Caller]:
    """Everybody, known and unknown."""
    return everybody(house)


def knock(house: House, headers: Mapping[str, str], routes: list[Route]) -> list[httpx.Response]:
    """Send a request to each route."""
    with house.server.client(headers={**API, **headers}) as client:
        answers = []
        for route in routes:
            client.cookies.clear()  # what an answer sets is not sent with the next request
            answers.append(client.request(route.method, route.path))
        return answers


def refusals(house: House) -> dict[str, dict[str, object]]:
    """What was recorded as refused, by request."""
    return {r["request_id"]: r for r in house.server.records("event:access_denied")}


@pytest.mark.parametrize("who", [*PEOPLE, *TOKENS, *STRANGERS])
def test_everybody_at_every_route(
    house: House, callers: dict[str, Caller], routes: list[Route], who: str
) -> None:
    caller = callers[who]
    # Signing out with a token ends nothing; with a session it would need a CSRF token.
    answers = knock(house, caller.headers, routes)
    recorded = refusals(house)
    wrong = []
    for route, answer in zip(routes, answers, strict=True):
        wanted = caller.refusal(route)
        record = recorded.get(answer.headers["X-Request-ID"])
        told = record and (record["status"], record["reason"], record.get("missing"))
        got = answer.status_code in (401, 403)
        link = route.path in ("/setup", "/password")  # refuses by itself: there is no such link
        entry = str(route) == "POST /sign-in"
        if told != wanted or (got != (wanted is not None) and not link and not entry):
            wrong.append(f"{route}: {answer.status_code}, recorded {told}, wanted {wanted}")
        if wanted is not None and answer.status_code != wanted[0]:
            wrong.append(f"{route}: {answer.status_code}, not {wanted[0]}")
        if answer.status_code >= 500:
            wrong.append(f"{route}: {answer.status_code}")
    assert wrong == []


@pytest.mark.parametrize("who", STRANGERS)
def test_strangers_see_no_options_either(
    house: House, callers: dict[str, Caller], routes: list[Route], who: str
) -> None:
    caller = callers[who]
    asked = [Route("OPTIONS", r.path, r.rule) for r in routes if r.need is not Access.ANYBODY]
    for route, answer in zip(asked, knock(house, caller.headers, asked), strict=True):
        assert (answer.status_code, "Allow" in answer.headers) == (401, False), route


PLACES = ["/", "/files", "/logs", f"/logs/{RECORD}", "/account", "/admin/", "/api/v1/files", "/ledger/vkey"]  # fmt: skip


@pytest.mark.parametrize("who", ["nobody", "no session", "session ended"])
def test_a_browser_is_led_to_the_sign_in(
    house: House, callers: dict[str, Caller], who: str
) -> None:
    with house.server.client(headers={**PAGE, **callers[who].headers}) as client:
        for place in PLACES:
            if place.startswith("/api/"):
                continue
            for method in READING:
                answer = client.request(method, place + "?a=1&b=ü")
                assert answer.status_code == 303, (method, place)
                query = httpx.URL(answer.headers["Location"]).params
                assert answer.headers["Location"].startswith("/sign-in?next=")
                assert httpx.URL(query["next"]).path == place
                assert httpx.URL(query["next"]).params["b"] == "ü"
        answer = client.post("/upload", content=b"", headers={"Accept": "text/html"})
        assert (answer.status_code, "Location" in answer.headers) == (401, False)


@pytest.mark.parametrize(("who", "reason"), STRANGERS.items())
def test_a_program_gets_a_problem_document(
    house: House, callers: dict[str, Caller], who: str, reason: str
) -> None:
    with house.server.client(headers={**API, **callers[who].headers}) as client:
        for place in PLACES:
            answer = client.get(place)
            assert answer.status_code == 401
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["reason"] == reason
            assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
            challenge = answer.headers["WWW-Authenticate"]
            assert challenge.startswith("Bearer ")
            assert ('error="invalid_token"' in challenge) is (reason == "token_not_valid")
            head = client.head(place)
            assert (head.status_code, head.content) == (401, b"")


def test_a_fragment_leads_the_whole_page_to_the_sign_in(
    house: House, callers: dict[str, Caller]
) -> None:
    page = {"HX-Current-URL": f"{house.server.url}/?sort=size&query=a%20b"}
    with house.server.client(headers={**HTMX, **page, **callers["session ended"].headers}) as gone:
        for method, place in (("GET", "/files"), ("DELETE", "/delete/x"), ("GET", "/logs")):
            answer = gone.request(method, place)
            assert answer.status_code == 401
            target = httpx.URL(answer.headers["HX-Redirect"])
            assert (target.host, target.path) == ("", "/sign-in")
            assert target.params["next"] == "/?sort=size&query=a%20b"
            assert "WWW-Authenticate" not in answer.headers
    elsewhere = {"HX-Current-URL": "https://evil.example//evil.example/x"}
    with house.server.client(headers={**HTMX, **elsewhere}) as nobody:
        leads_to = nobody.get("/files").headers["HX-Redirect"]
        form = nobody.get(leads_to, headers=PAGE).text
        assert 'name="next" value="/"' in form


def test_a_refused_page_says_who_can_help(house: House, callers: dict[str, Caller]) -> None:
    with house.server.client(headers={**PAGE, **callers["member"].headers}) as mia:
        answer = mia.get("/logs")
        assert answer.status_code == 403
        assert "You may not read the logs: your account is a member." in answer.text
        assert "Ask an administrator" in answer.text
        assert answer.headers["X-Request-ID"] in answer.text
        assert "Receipt" not in answer.text  # which she could not read
    with house.server.client(headers={**PAGE, **callers["auditor"].headers}) as otto:
        assert "your account is an auditor" in otto.get("/").text


def test_nothing_there_is_the_same_for_everybody(house: House, callers: dict[str, Caller]) -> None:
    for caller in callers.values():
        with house.server.client(headers={**API, **caller.headers}) as client:
            assert client.get("/nothing/here").status_code == 404
            assert client.patch("/logs").status_code == 405
            assert client.request("TRACE", "/account").status_code in (405, 501)


@pytest.mark.parametrize(
    "target",
    ["//logs", "/logs/.", "/./logs", "/LOGS", "/logs;a", "/logs%2f", "/%6cogs", "/files/../logs"],
)
def test_the_way_an_address_is_written_opens_nothing(
    house: House, callers: dict[str, Caller], target: str
) -> None:
    """The gate asks what was found at an address, not how the address reads."""
    answer = send(house.server, "GET", target, headers={**API, **callers["member"].headers})
    assert answer.status in (403, 404), answer.text
    assert b"records" not in answer.body or answer.status == 403


WRITING = [
    ("PUT", "/api/v1/files/kept.txt"),
    ("DELETE", "/api/v1/files/kept.txt"),
    ("POST", "/upload"),
    ("POST", "/delete/kept.txt"),
    ("DELETE", "/delete/kept.txt"),
    ("PUT", "/api/v1/folders/new"),
    ("DELETE", "/api/v1/folders/kept"),
    ("POST", "/api/v1/move"),
    ("POST", f"/api/v1/trash/{RECORD}"),
    ("DELETE", f"/api/v1/trash/{RECORD}"),
    ("POST", "/folders"),
    ("POST", "/files/rename"),
    ("POST", "/files/delete"),
    ("POST", "/trash/empty"),
    ("POST", f"/files/{RECORD}/versions/{RECORD}"),
    ("POST", f"/folders/{RECORD}/permissions"),
    ("POST", "/tus/"),
    ("PATCH", f"/tus/{RECORD}"),
    ("POST", f"/tus/{RECORD}"),
    ("DELETE", f"/tus/{RECORD}"),
]


@pytest.mark.parametrize("how", [API, HTMX, PAGE], ids=["api", "htmx", "page"])
def test_whoever_may_not_write_finds_no_other_way(
    house: House, callers: dict[str, Caller], how: dict[str, str]
) -> None:
    writer = callers["token files:write"].headers
    with house.server.client(headers=writer) as client:
        assert client.put("/api/v1/files/kept.txt", content=b"kept").status_code in (201, 409)
    with house.enter("Otto") as otto:
        shown = {"X-CSRF-Token": csrf(otto), "Cookie": callers["auditor"].headers["Cookie"]}
    for headers in (callers["token files:read"].headers, shown):
        with house.server.client(headers={**how, **headers}) as client:
            for method, place in WRITING:
                for override in ({}, {"X-HTTP-Method-Override": "GET"}):
                    answer = client.request(method, place, content=b"x", headers=override)
                    assert answer.status_code == 403, (method, place)
                    [record] = house.outcomes(answer)
                    assert record["event"] == "access_denied"
                    assert record["missing"] == "files:write"
                    assert {"user_id", "session_id", "token_id"} & record.keys() != {"user_id"}
    with house.bearing(token(house.ada, Permission.FILES_READ)) as reader:
        assert reader.get("/api/v1/files/kept.txt").text == "kept"


def test_a_token_for_writing_reads_nothing(house: House, callers: dict[str, Caller]) -> None:
    with house.server.client(headers=callers["token files:write"].headers) as client:
        assert client.put("/api/v1/files/blind.txt", content=b"x").status_code == 201
        assert client.get("/api/v1/files/blind.txt").status_code == 403
        assert client.get("/api/v1/files").json()["detail"].startswith("This token may not see")
        for place in ("/", "/files", "/files?query=b", "/zip?folder=/", "/trash", "/api/v1/trash",
                      f"/files/move?folder=/&node={RECORD}", f"/files/rename?node={RECORD}",
                      f"/files/{RECORD}/versions", f"/folders/{RECORD}/permissions"):  # fmt: skip
            assert client.get(place).json()["reason"] == "permission_missing", place
        assert client.delete("/api/v1/files/blind.txt").status_code in (200, 204)


@contextmanager
def without_table(server: Installation, name: str) -> Iterator[None]:
    """The database has lost a table."""
    with database(server) as connection:
        connection.execute(f"ALTER TABLE {name} RENAME TO lost")
        try:
            yield
        finally:
            connection.execute(f"ALTER TABLE lost RENAME TO {name}")


@pytest.mark.parametrize(
    ("table", "who"),
    [("account_session", "admin"), ("account_token", "token of all"), ("account", "admin")],
)
def test_trouble_with_the_accounts_lets_nobody_in(
    house: House, callers: dict[str, Caller], routes: list[Route], table: str, who: str
) -> None:
    with without_table(house.server, table):
        answers = knock(house, callers[who].headers, routes)
    wrong = [
        f"{route}: {answer.status_code}"
        for route, answer in zip(routes, answers, strict=True)
        if route.need is not Access.ANYBODY and answer.status_code != 503
    ]
    assert wrong == []
    told = dict(zip(map(str, routes), answers, strict=True))
    assert told["GET /healthz"].status_code == 200
    answer = told["GET /api/v1/files"]
    assert answer.json()["reason"] == "accounts_not_readable"
    assert "no such table" not in answer.text  # which is for those who may read the records
    events = {record["event"]: record for record in house.outcomes(answer)}
    assert set(events) == {"unhandled_exception", "access_denied"}
    assert "no such table" in str(events["unhandled_exception"])
    with house.server.client(headers={**API, **callers[who].headers}) as client:
        assert client.get("/api/v1/files").status_code == 200
