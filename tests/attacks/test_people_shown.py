"""Names of people, tokens and browsers where they are shown: text, and in their place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from strongroom.accounts.service import Where
from strongroom.errors import Refused
from strongroom.permissions import Permission
from tests.attacks.attack import attack
from tests.attacks.callers import household, post
from tests.attacks.test_markup import PAYLOADS, Seen
from tests.web.household import PASSWORD, Household, until_blocked
from tests.web.wire import HTML, HTMX, api, in_url, send

PAGES = ("/", "/account", "/admin/", "/logs")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    yield from household(tmp_path_factory, "shown")


@pytest.fixture(scope="module")
def ada(house: Household) -> dict[str, str]:
    return house.headers(house.enter("Ada"))


def wrong_on(page: str) -> list[str]:
    """What on a page is more than text; the one-time link is a whole address, and of this site."""
    return [
        found
        for found in Seen(page).wrong
        if not found.partition("=")[2].startswith("http://127.0.0.1:")
    ]


@attack("CWE-79 cross-site scripting")
@pytest.mark.parametrize("case", PAYLOADS, ids=lambda case: case.replace(" ", "-"))
def test_stored_with_an_account(house: Household, ada: dict[str, str], case: str) -> None:
    """As the name of a person and of a token, as a browser, and among what is blocked."""
    payload = PAYLOADS[case].strip()
    where = Where("192.0.2.9", payload)
    answer = post(house.server, "/admin/users", {"name": payload, "role": "admin"}, ada)
    assert answer.status == 201, answer.text
    assert payload in Seen(answer.text).words
    assert wrong_on(answer.text) == []
    user = house.accounts.user_named(payload)
    secret = house.accounts.reset(user.user_id)
    link = send(house.server, "GET", f"/password?link={secret}", headers=HTML).text
    assert (wrong_on(link), payload in Seen(link).words) == ([], True)
    signed = house.accounts.choose_password(secret, PASSWORD, where=where)
    house.accounts.create_token(user.user_id, payload, [Permission.FILES_READ])
    until_blocked(lambda: house.accounts.sign_in(payload, "wrong", where=where))
    mine = house.headers(signed)
    file = send(house.server, "PUT", api(f"{case}.txt"), b"x", {**mine, "User-Agent": payload})
    assert file.status == 201
    shown = set()
    for headers in (ada, mine):
        for target in (*PAGES, f"/admin/users/{user.user_id}", f"/logs?query={in_url(payload)}"):
            for style in (HTML, HTMX):
                page = send(house.server, "GET", target, headers={**style, **headers})
                assert page.status in (200, 400), target
                assert wrong_on(page.text) == [], target
                if payload in Seen(page.text).words:
                    shown.add(target)
    assert {"/admin/", "/account", f"/admin/users/{user.user_id}"} <= shown
    for fields in ({"name": payload, "role": payload}, {"name": payload, "role": "member"}):
        again = post(house.server, "/admin/users", fields, ada)
        assert again.status in (400, 409)
        assert wrong_on(again.text) == []


@attack("CWE-79 cross-site scripting")
@pytest.mark.parametrize("case", PAYLOADS, ids=lambda case: case.replace(" ", "-"))
def test_reflected_by_a_form(house: Household, ada: dict[str, str], case: str) -> None:
    payload = PAYLOADS[case]
    fields = dict.fromkeys(
        (
            "name",
            "password",
            "again",
            "next",
            "role",
            "token_name",
            "scope",
            "days",
            "subject",
            "current",
        ),
        payload,
    )
    user_id = house.ids["Mia"]
    for target in (
        "/account/tokens",
        "/account/password",
        "/admin/users",
        f"/admin/users/{user_id}",
        "/admin/unblock",
        f"/account/tokens/{in_url(payload)}/revoke",
        f"/account/sessions/{in_url(payload)}/end",
        f"/admin/users/{in_url(payload)}/disable",
        f"/setup?link={in_url(payload)}",
        f"/password?link={in_url(payload)}",
    ):
        answer = post(house.server, target, fields, ada)
        assert answer.status < 500, target
        assert wrong_on(answer.text) == [], target
    for target in (f"/sign-in?next={in_url(payload)}", f"/account?receipt={in_url(payload)}",
                   f"/admin/?receipt={in_url(payload)}", f"/admin/users/{in_url(payload)}"):  # fmt: skip
        for headers in ({}, ada):
            answer = send(house.server, "GET", target, headers={**HTML, **headers})
            assert answer.status < 500
            assert wrong_on(answer.text) == [], target


@attack("CWE-79 cross-site scripting")
def test_reflected_by_the_door(house: Household) -> None:
    for payload in PAYLOADS.values():
        fields = {"name": payload, "password": payload, "next": f"/{payload}"}
        answer = post(house.server, "/sign-in", fields)
        assert answer.status in (401, 429)
        assert wrong_on(answer.text) == []


LOOKALIKES = (
    "Ad\u0430", "\u0410da", "\u0391da", "Ada\u202egpj", "\u2066Ada\u2069", "Ada\u200b", "\u200fAda",
    "A\u0000da", "Ada\n", "Ada\u2028x", "\ufeffAda", "Ada\u061c", "Ada\u180e", "\U000e0041Ada", "\ud7ff\ue000",
)  # fmt: skip


@attack("CWE-1007 insufficient visual distinction of homoglyphs", "CVE-2021-42574 Unicode")
@pytest.mark.parametrize("name", LOOKALIKES, ids=ascii)
def test_no_name_looks_like_another(house: Household, ada: dict[str, str], name: str) -> None:
    """Of a person, of a token, of a file where it would change the direction of what is read."""
    with pytest.raises(Refused) as refused:
        house.accounts.create_token(house.ids["Mia"], name, [Permission.FILES_READ])
    assert refused.value.status == 400
    answer = post(house.server, "/admin/users", {"name": name, "role": "member"}, ada)
    assert answer.status in (400, 409)
    if any(direction in name for direction in "\u202e\u2066\u200f\u061c\u2028\x00\n"):
        assert send(house.server, "PUT", api(name), b"x", ada).status == 400


@attack("CWE-1007 insufficient visual distinction of homoglyphs", "CVE-2021-42574 Unicode")
def test_a_name_from_right_to_left_turns_nothing_round(
    house: Household, ada: dict[str, str]
) -> None:
    """Such names are names; each is shown in an element that keeps its direction to itself."""
    name = "\u05d0\u05d3\u05d4"
    house.add(name, password=False)
    page = send(house.server, "GET", "/admin/", headers={**HTML, **ada}).text
    assert f"<bdi>{name}</bdi>" in page
    page = send(
        house.server, "GET", f"/admin/users/{house.ids[name]}", headers={**HTML, **ada}
    ).text
    assert f"<h1><bdi>{name}</bdi></h1>" in page
