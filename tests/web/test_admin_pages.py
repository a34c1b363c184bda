"""Other people's accounts, by the forms of the page People alone: no script runs here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from strongroom.permissions import Permission, Role
from tests.web.people import PASSWORD, House, act, link_in, search, secret_of, token

ROW = r'(?s)<tr[^>]*>\s*<td class="first"><a href="/admin/users/{}".*?</tr>'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Ada, Otto and Mia."""
    house = House(tmp_path_factory.mktemp("admin") / "data")
    yield house
    house.close()


def only(house: House, answer: httpx.Response, event: str) -> dict[str, Any]:
    """The one record that the request left: of this event, and by Ada."""
    [record] = house.outcomes(answer)
    assert record["event"] == event
    assert record["user_id"] == house.ids["Ada"]
    assert record["session_id"] == house.session_id(house.ada)
    return record


def row(house: House, name: str) -> str:
    """What the overview says of somebody."""
    return search(ROW.format(house.ids[name]), house.ada.get("/admin/").text)


def test_who_can_do_what(house: House) -> None:
    for name, may in (("Ada", "yyyyy"), ("Otto", "nnynn"), ("Mia", "yynnn")):
        told = row(house, name).split('<span class="unseen">')[1:]
        assert "".join(answer[0] for answer in told) == may, name
    assert "you</span>" in row(house, "Ada")
    assert "you</span>" not in row(house, "Mia")


def test_somebody_is_added_and_comes_in_by_the_link(house: House) -> None:
    answer = act(house.ada, "/admin/users", name="Grace", role="auditor")
    assert answer.status_code == 201
    created, linked = house.outcomes(answer)
    assert (created["event"], linked["event"]) == ("user_created", "password_link_created")
    house.ids["Grace"] = user_id = created["target_user_id"]
    assert created["role"] == "auditor"
    assert created["user_id"] == linked["user_id"] == house.ids["Ada"]
    link = link_in(answer)
    assert link.startswith(f"{house.server.url}/password?link=")
    assert "no password yet" in row(house, "Grace")
    assert secret_of(link) not in house.ada.get(f"/admin/users/{user_id}").text
    with house.visitor() as grace:
        assert grace.post("/sign-in", data={"name": "Grace", "password": ""}).is_error
        done = grace.post(link, data={"password": PASSWORD, "again": PASSWORD})
        assert done.headers["Location"] == "/logs"
        assert grace.get("/logs").status_code == 200
        assert grace.get("/").status_code == 403
    assert "no password yet" not in row(house, "Grace")


@pytest.mark.parametrize(
    ("given", "status", "field", "reason"),
    [
        ({"name": "MIA"}, 409, "name", "name_taken"),
        ({"name": ""}, 400, "name", "name_empty"),
        ({"name": "a\u202eb"}, 400, "name", "name_not_allowed"),
        ({"role": "king"}, 400, "role", "role_not_valid"),
    ],
)
def test_what_cannot_be_added_stays_in_the_form(
    house: House, given: dict[str, str], status: int, field: str, reason: str
) -> None:
    answer = act(house.ada, "/admin/users", **{"name": "Somebody", "role": "auditor", **given})
    assert answer.status_code == status
    assert only(house, answer, "account_change_failed")["reason"] == reason
    assert f'id="{field}-problem"' in answer.text
    assert "<details" in answer.text
    assert "open>" in answer.text
    if field == "role":
        assert 'value="Somebody"' in answer.text
    else:
        assert 'value="auditor" required checked' in answer.text


def test_another_name_changes_no_history(house: House) -> None:
    user_id = house.add("Nadia")
    with house.enter("Nadia") as nadia:
        changed = act(house.ada, f"/admin/users/{user_id}", name="Nadja", role="member")
        record = only(house, changed, "user_changed")
        assert record["target_user_id"] == user_id
        assert record["extra"] == {"renamed": True}
        assert "The account is changed." in house.ada.get(changed.headers["Location"]).text
        assert "Nadja" in nadia.get("/account").text  # still signed in
    assert house.enter("nadja").get("/account").status_code == 200
    with house.visitor() as browser:
        assert browser.post("/sign-in", data={"name": "Nadia", "password": PASSWORD}).is_error


def test_another_role_counts_at_once(house: House) -> None:
    user_id = house.add("Rolf")
    rolf = house.enter("Rolf")
    script = house.bearing(token(rolf, Permission.FILES_READ))
    changed = act(house.ada, f"/admin/users/{user_id}", name="Rolf", role="auditor")
    record = only(house, changed, "user_changed")
    assert (record["role"], record["previous_role"]) == ("auditor", "member")
    assert rolf.get("/account").status_code == 303
    assert script.get("/api/v1/files").status_code == 403  # no more than its owner
    rolf = house.enter("Rolf")
    assert (rolf.get("/logs").status_code, rolf.get("/").status_code) == (200, 403)
    act(house.ada, f"/admin/users/{user_id}", name="Rolf", role="member")
    assert script.get("/api/v1/files").status_code == 200


def test_a_disabled_account_is_out_at_once(house: House) -> None:
    user_id = house.add("Dora")
    its = f"/admin/users/{user_id}"
    dora = house.enter("Dora")
    script = house.bearing(token(dora, Permission.FILES_READ))
    link = link_in(act(house.ada, f"{its}/reset"))
    disabled = act(house.ada, f"{its}/disable")
    assert only(house, disabled, "user_disabled")["target_user_id"] == user_id
    assert "Its sessions have ended" in house.ada.get(disabled.headers["Location"]).text
    assert dora.get("/account").status_code == 303
    assert script.get("/api/v1/files").status_code == 401
    form = {"name": "Dora", "password": PASSWORD, "again": PASSWORD}
    with house.visitor() as browser:
        assert browser.post(link, data=form).status_code == 403
        assert browser.post("/sign-in", data=form).status_code == 401
    assert "disabled</span>" in row(house, "Dora")
    assert '<span class="unseen">yes</span>' not in row(house, "Dora")
    refused = act(house.ada, f"{its}/reset")
    assert refused.status_code == 409
    assert only(house, refused, "account_change_failed")["reason"] == "user_disabled"

    enabled = act(house.ada, f"{its}/enable")
    assert only(house, enabled, "user_enabled")["target_user_id"] == user_id
    assert house.enter("Dora").get("/").status_code == 200
    assert dora.get("/account").status_code == 303  # what has ended stays so
    assert script.get("/api/v1/files").status_code == 401


def test_the_last_administrator_stays(house: House) -> None:
    its = f"/admin/users/{house.ids['Ada']}"
    page = house.ada.get(its).text
    assert "You are the only administrator." in page
    assert 'id="disable"' not in page
    for refused in (
        act(house.ada, f"{its}/disable"),
        act(house.ada, its, name="Ada", role="member"),
        act(house.ada, its, name="Ada", role="auditor"),
    ):
        assert refused.status_code == 409
        assert "This is the only administrator." in refused.text
        assert only(house, refused, "account_change_failed")["reason"] == "last_admin"
    assert house.ada.get("/admin/").status_code == 200

    house.add("Second", Role.ADMIN)
    second = house.enter("Second")
    assert "only administrator" not in second.get(its).text
    assert act(second, its, name="Ada", role="auditor").status_code == 303
    assert house.ada.get("/admin/").status_code == 303
    assert act(second, its, name="Ada", role="admin").status_code == 303
    house.ada = house.enter("Ada")
    done = act(house.ada, f"/admin/users/{house.ids['Second']}", name="Second", role="member")
    assert only(house, done, "user_changed")["previous_role"] == "admin"
    assert second.get("/admin/").status_code == 303


def test_a_lost_password(house: House) -> None:
    user_id = house.add("Lena")
    lena = house.enter("Lena")
    first, second = (link_in(act(house.ada, f"/admin/users/{user_id}/reset")) for _ in range(2))
    assert lena.get("/account").status_code == 200  # until the link is used
    new = {"password": "a newer longer one", "again": "a newer longer one"}
    with house.visitor() as browser:
        assert browser.post(first, data=new).status_code == 403  # void since the second
        assert browser.post(second, data=new).status_code == 303
    assert lena.get("/account").status_code == 303
    assert house.enter("Lena", new["password"]).get("/account").status_code == 200


def test_sessions_and_tokens_of_others_are_ended(house: House) -> None:
    user_id = house.add("Sven")
    sven = house.enter("Sven")
    script = house.bearing(token(sven, Permission.FILES_READ))
    session = house.session_id(sven)
    ended = act(house.ada, f"/admin/users/{user_id}/sessions/end")
    assert session in [record["target_session_id"] for record in house.outcomes(ended)]
    assert sven.get("/account").status_code == 303
    assert script.get("/api/v1/files").status_code == 200
    page = house.ada.get(f"/admin/users/{user_id}").text
    revoke = search(rf"/admin/users/{user_id}/tokens/[\w-]+/revoke", page)
    record = only(house, act(house.ada, revoke), "token_revoked")
    assert (record["target_user_id"], revoke.split("/")[-2]) == (
        user_id,
        record["target_token_id"],
    )
    assert script.get("/api/v1/files").status_code == 401


def test_nobody_else_administers(house: House) -> None:
    victim = house.ids["Mia"]
    for name in ("Otto", "Mia"):
        with house.enter(name) as client:
            assert "/admin/" not in client.get("/account").text
            for place in ("/admin/", f"/admin/users/{victim}"):
                assert client.get(place).status_code == 403
            for form in (
                act(client, "/admin/users", name="Eve", role="admin"),
                act(client, f"/admin/users/{house.ids[name]}", name=name, role="admin"),
                act(client, f"/admin/users/{house.ids['Ada']}/reset"),
                act(client, f"/admin/users/{house.ids['Ada']}/disable"),
                act(client, "/admin/unblock", subject="Mia"),
            ):
                assert form.status_code == 403
                [record] = house.outcomes(form)
                assert (record["event"], record["missing"]) == (
                    "access_denied",
                    "accounts:manage",
                )
                assert record["user_id"] == house.ids[name]
    assert house.enter("Mia").get("/account").status_code == 200


def test_a_name_is_text_wherever_it_is_shown(house: House) -> None:
    name = "<b onmouseover=alert(1)>'\"&"
    answer = act(house.ada, "/admin/users", name=name, role="member")
    assert answer.status_code in (201, 400)
    for page in (answer.text, house.ada.get("/admin/").text):
        assert "<b onmouseover" not in page
