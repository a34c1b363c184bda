"""Signing in and one's own account, by forms alone: no script runs here."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from strongroom.permissions import Permission
from tests.serving import Installation
from tests.web.people import (
    PAGE,
    PASSWORD,
    House,
    act,
    csrf,
    link_in,
    search,
    secret_of,
    setup_link,
    token,
)

OTHER = "nine patient herons"
_ALERT = re.compile(r'role="alert"[^>]*>\s*<p>([^<]+)')


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Ada, Otto and Mia."""
    house = House(tmp_path_factory.mktemp("account") / "data")
    yield house
    house.close()


def only(house: House, answer: httpx.Response, event: str) -> dict[str, Any]:
    """The one record that the request left, which must be of this event."""
    records = house.outcomes(answer)
    assert [record["event"] for record in records] == [event]
    return records[0]


def test_signing_in_with_the_right_password(house: House) -> None:
    with house.visitor() as browser:
        form = {"name": "mia", "password": PASSWORD, "next": "/account?a=1"}
        answer = browser.post("/sign-in", data=form)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/account?a=1")
        record = only(house, answer, "login_succeeded")
        assert record["target_user_id"] == record["user_id"] == house.ids["Mia"]
        assert record["target_session_id"] == record["session_id"] == house.session_id(browser)
        cookie = answer.headers["Set-Cookie"]
        parts = {part.strip() for part in cookie.split(";")[1:]}
        assert parts == {"HttpOnly", "Path=/", "SameSite=Lax"}
        assert cookie.startswith(f"{house.cookie}=")


@pytest.mark.parametrize(("name", "place"), [("Mia", "/"), ("Otto", "/logs"), ("Ada", "/")])
def test_everybody_lands_where_they_have_something_to_do(
    house: House, name: str, place: str
) -> None:
    with house.visitor() as browser:
        answer = browser.post("/sign-in", data={"name": name, "password": PASSWORD})
        assert answer.headers["Location"] == place
        assert browser.get(place).status_code == 200
        assert browser.get("/sign-in").headers["Location"] == place


def test_a_wrong_password_and_a_wrong_name_look_the_same(house: House) -> None:
    pages = []
    with house.visitor() as browser:
        for name, reason in (("Mia", "password_wrong"), ("Nemo", "name_unknown")):
            answer = browser.post("/sign-in", data={"name": name, "password": "wrong"})
            assert answer.status_code == 401
            assert "Set-Cookie" not in answer.headers
            record = only(house, answer, "login_failed")
            assert record["reason"] == reason
            assert record.get("target_user_id") == house.ids.get(name)
            assert "user_id" not in record
            pages.append(answer.text.replace(name, "NAME"))
    assert "Name or password is wrong." in pages[0]
    assert 'value="NAME"' in pages[0]
    assert pages[0] == pages[1]


def test_too_many_wrong_ones_block_and_can_be_lifted(house: House) -> None:
    user_id = house.add("Hasty")
    right, wrong = ({"name": "Hasty", "password": word} for word in (PASSWORD, "wrong"))
    with house.visitor() as browser:

        def fail() -> httpx.Response:
            for _ in range(10):
                answer = browser.post("/sign-in", data=wrong)
                if answer.status_code == 429:
                    return answer
            raise AssertionError("never blocked")

        blocked = fail()
        assert 1 <= int(blocked.headers["Retry-After"]) <= 60
        told = search(_ALERT, blocked.text)
        assert "Too many attempts with this name from this address" in told
        assert "UTC" in told
        assert "strongroom user unblock NAME" in told
        record = only(house, blocked, "login_blocked")
        assert (record["reason"], record["target_user_id"]) == ("sign_in_blocked", user_id)
        assert browser.post("/sign-in", data=right).status_code == 429

        page = house.ada.get("/admin/").text
        assert 'aria-label="Lift the block on Hasty"' in page
        lifted = act(house.ada, "/admin/unblock", subject="Hasty")
        assert only(house, lifted, "sign_in_unblocked")["target_user_id"] == user_id
        assert "The block is lifted." in house.ada.get(lifted.headers["Location"]).text
        assert "Nobody is blocked." in house.ada.get("/admin/").text

        fail()
        house.server.run("user", "unblock", "Hasty")
        assert browser.post("/sign-in", data=right).status_code == 303


def test_signing_out_ends_the_session_itself(house: House) -> None:
    with house.enter("Mia") as mia:
        session, secret = house.session_id(mia), mia.cookies[house.cookie]
        answer = act(mia, "/sign-out")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
        assert only(house, answer, "logged_out")["target_session_id"] == session
        assert house.cookie not in mia.cookies
    with house.visitor(cookies={house.cookie: secret}) as copied:
        assert copied.get("/account").status_code == 303


def test_a_new_session_at_each_sign_in(house: House) -> None:
    """A secret that somebody else has planted is worth nothing afterwards (session fixation)."""
    with house.visitor(cookies={house.cookie: "planted"}) as browser:
        answer = browser.post("/sign-in", data={"name": "Mia", "password": PASSWORD})
        assert answer.status_code == 303
    with house.visitor(cookies={house.cookie: "planted"}) as planter:
        assert planter.get("/account").status_code == 303
    with house.enter("Mia") as mia:
        old = mia.cookies[house.cookie]
        form = {"csrf_token": csrf(mia), "name": "Mia", "password": PASSWORD}
        assert mia.post("/sign-in", data=form).status_code == 303
        assert mia.cookies[house.cookie] != old
    with house.visitor(cookies={house.cookie: old}) as before:
        assert before.get("/account").status_code == 303


def test_the_set_up_link_works_once(house: House) -> None:
    with house.visitor() as browser:
        form = {"name": "Eve", "password": PASSWORD, "again": PASSWORD}
        for answer in (browser.get(house.setup_link), browser.post(house.setup_link, data=form)):
            assert answer.status_code == 403
            assert "This link does not work" in answer.text
        record = only(house, answer, "account_change_failed")
        assert record["reason"] == "link_not_valid"
    assert "<bdi>Eve</bdi>" not in house.ada.get("/admin/").text


def test_a_password_link_works_once_and_lets_in(house: House) -> None:
    link = house.invite("Noor")
    with house.visitor() as browser:
        page = browser.get(link)
        assert "for the account <strong><bdi>Noor</bdi></strong>" in page.text
        differing = browser.post(link, data={"password": PASSWORD, "again": OTHER})
        assert differing.status_code == 400
        assert "The two passwords differ." in differing.text
        short = browser.post(link, data={"password": "short", "again": "short"})
        assert short.status_code == 400
        assert 'id="password-problem"' in short.text
        answer = browser.post(link, data={"password": PASSWORD, "again": PASSWORD})
        assert answer.status_code == 303
        changed, entered = house.outcomes(answer)
        assert (changed["event"], entered["event"]) == ("password_changed", "login_succeeded")
        assert changed["target_user_id"] == entered["user_id"] == house.ids["Noor"]
        assert browser.get("/account").status_code == 200
    with house.visitor() as late:
        assert late.get(link).status_code == 403
        form = {"password": OTHER, "again": OTHER}
        assert late.post(link, data=form).status_code == 403


def test_another_password_ends_all_other_sessions(house: House) -> None:
    house.add("Petra")
    here, there = house.enter("Petra"), house.enter("Petra")
    script = house.bearing(token(here, Permission.FILES_READ))
    change = {"current": "wrong", "password": OTHER, "again": OTHER}
    refused = act(here, "/account/password", **change)
    assert refused.status_code == 401
    assert 'id="current-problem"' in refused.text
    assert only(house, refused, "account_change_failed")["reason"] == "credentials_wrong"
    assert there.get("/account").status_code == 200
    done = act(here, "/account/password", **{**change, "current": PASSWORD})
    assert only(house, done, "password_changed")["target_user_id"] == house.ids["Petra"]
    assert "The password is changed." in here.get(done.headers["Location"]).text
    assert there.get("/account").status_code == 303
    assert script.get("/api/v1/files").status_code == 200
    with house.visitor() as browser:
        assert browser.post("/sign-in", data={"name": "Petra", "password": PASSWORD}).is_error
    assert house.enter("Petra", OTHER).get("/account").status_code == 200


def test_sessions_are_listed_and_ended(house: House) -> None:
    house.add("Rosa")
    here, there = house.enter("Rosa"), house.enter("Rosa")
    there.get("/account", headers={"User-Agent": "ignored: it is the sign-in that counts"})
    mine, other = house.session_id(here), house.session_id(there)
    page = here.get("/account").text
    assert page.count("this browser</span>") == 1
    assert re.findall(r"/account/sessions/([\w-]{36})/end", page).count(mine) == 1
    ended = act(here, f"/account/sessions/{other}/end")
    record = only(house, ended, "session_revoked")
    assert (record["target_session_id"], record["session_id"]) == (other, mine)
    assert "Signed out there." in here.get(ended.headers["Location"]).text
    assert there.get("/account").status_code == 303

    more = [house.enter("Rosa") for _ in range(2)]
    assert len(house.outcomes(act(here, "/account/sessions/end-others"))) >= 2
    assert [browser.get("/account").status_code for browser in more] == [303, 303]
    own = act(here, f"/account/sessions/{mine}/end")
    assert own.headers["Location"] == "/sign-in"
    assert here.get("/account").status_code == 303


def test_nobody_ends_the_session_or_token_of_another(house: House) -> None:
    mia, otto = house.enter("Mia"), house.enter("Otto")
    target = f"/account/sessions/{house.session_id(otto)}/end"
    refused = act(mia, target)
    assert refused.status_code == 404
    assert only(house, refused, "account_change_failed")["reason"] == "session_not_found"
    assert otto.get("/account").status_code == 200
    secret = token(otto, Permission.LOGS_READ)
    its = search(r"/account/tokens/([\w-]+)/revoke", otto.get("/account").text)
    assert act(mia, f"/account/tokens/{its}/revoke").status_code == 404
    assert house.bearing(secret).get("/api/v1/records").status_code == 200


def test_a_token_is_shown_once_used_and_revoked(house: House) -> None:
    house.add("Tove")
    tove = house.enter("Tove")
    scopes = [Permission.FILES_READ, Permission.FILES_WRITE]
    made = act(tove, "/account/tokens", token_name="nightly", scope=scopes, days="7")
    assert made.status_code == 201
    record = only(house, made, "token_created")
    assert record["target_user_id"] == house.ids["Tove"]
    assert set(record["scopes"].split()) == set(scopes)
    secret = search(r"srt_[\w-]+", made.text)
    page = tove.get("/account").text
    assert secret not in page
    row = search(r"(?s)<tr>\s*<td class=\"first\"><bdi>nightly.*?</tr>", page)
    assert "never" in row  # used
    script = house.bearing(secret)
    put = script.put("/api/v1/files/by a token.txt", content=b"x")
    assert put.status_code == 201
    used = house.outcomes(put)[0]
    assert (used["user_id"], used["token_id"]) == (
        house.ids["Tove"],
        record["target_token_id"],
    )
    row = search(r"(?s)<tr>\s*<td class=\"first\"><bdi>nightly.*?</tr>", tove.get("/account").text)
    assert "never" not in row
    revoked = act(tove, f"/account/tokens/{record['target_token_id']}/revoke")
    assert only(house, revoked, "token_revoked")["target_token_id"] == record["target_token_id"]
    assert script.get("/api/v1/files").status_code == 401
    assert "No tokens." in tove.get("/account").text


def test_a_token_that_cannot_be_made_says_why(house: House) -> None:
    with house.enter("Mia") as mia:
        good = {"token_name": "x", "scope": "files:read", "days": "30"}
        page = mia.get("/account").text
        assert "Read logs" not in page
        for given, field in (
            ({"scope": "logs:read"}, "scope"),
            ({"scope": []}, "scope"),
            ({"token_name": ""}, "token_name"),
            ({"days": "soon"}, "days"),
        ):
            answer = act(mia, "/account/tokens", **{**good, **given})
            assert answer.status_code == 400
            assert f'id="{field}-problem"' in answer.text
            assert "srt_" not in answer.text
            assert only(house, answer, "account_change_failed")["user_id"] == house.ids["Mia"]


def test_a_receipt_of_somebody_else_tells_nothing(house: House) -> None:
    with house.enter("Mia") as mia, house.enter("Otto") as otto:
        done = act(mia, "/account/sessions/end-others")
        tells = act(otto, "/account/sessions/end-others").headers["Location"]
        assert done.status_code == 303
        assert "notice ok" not in mia.get(tells).text
        assert "notice ok" not in mia.get("/account?receipt=x' OR 1").text


def test_no_secret_is_kept_anywhere(house: House) -> None:
    """Neither in the records, nor in the log, nor readable in the database."""
    with house.enter("Mia") as mia:
        secrets = {mia.cookies[house.cookie], csrf(mia), token(mia, Permission.FILES_READ)}
        typed = "never typed anywhere else"
        mia.post("/sign-in", data={"csrf_token": csrf(mia), "name": "Mia", "password": typed})
        mia.get("/account", params={"csrf_token": "given in the address 8e1", "link": "shown 8e2"})
        mia.get("/nowhere", headers={"Authorization": "Bearer srt_mistyped8e3"})
        linked = act(house.ada, f"/admin/users/{house.ids['Otto']}/reset")
        secrets |= {secret_of(link_in(linked)), secret_of(house.setup_link), typed, PASSWORD}
        secrets |= {"given in the address 8e1", "shown 8e2", "srt_mistyped8e3"}
        assert mia.get("/account").text.count(mia.cookies[house.cookie]) == 0
    records = str(house.server.records())
    log = house.server.log.read_text().replace(
        house.setup_link, ""
    )  # printed, for its first reader
    with closing(sqlite3.connect(house.server.data / "strongroom.db")) as connection:
        dump = "\n".join(connection.iterdump())
        blobs = [str(row) for row in connection.execute("SELECT * FROM journal")]
    raw = b"".join(path.read_bytes() for path in house.server.data.glob("strongroom.db*"))
    for secret in secrets:
        for place in (records, log, dump, *blobs):
            assert secret not in place
        assert secret.encode() not in raw
        assert secret.encode().hex() not in dump.lower()


def test_the_first_start_ends_with_the_first_administrator(tmp_path_factory: Any) -> None:
    data = tmp_path_factory.mktemp("first") / "data"
    server = Installation.with_accounts(data, cheap_passwords=False).start()
    try:
        with server.client(headers=PAGE) as browser:
            assert "There is no account here yet." in browser.get("/sign-in").text
            link = setup_link(server)
            form = {"name": "Ada", "password": PASSWORD, "again": PASSWORD}
            assert browser.post(link, data=form).headers["Location"] == "/"
            assert browser.get("/").status_code == 200
        server.stop()
        before = len(server.log.read_text())
        server.start()
        assert "/setup?link=" not in server.log.read_text()[before:]
        with closing(sqlite3.connect(data / "strongroom.db")) as database:
            [(stored,)] = database.execute("SELECT password_hash FROM account")
        assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")  # RFC 9106, section 4
    finally:
        server.stop()
