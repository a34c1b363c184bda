"""One-time links: used twice, by twenty at once, for somebody else, or by a machine that looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from strongroom.permissions import Role
from tests.attacks.attack import attack
from tests.attacks.callers import bearer, cookie_in, enter, household, is_in, post
from tests.serving import Installation
from tests.web.household import PASSWORD, Household
from tests.web.wire import HTML, send

CROWD = 20
OTHER = "seven amber plovers run"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    yield from household(tmp_path_factory, "links", cheap_passwords=False)


@attack("CWE-362 race condition")
def test_one_administrator_is_set_up(tmp_path: Path) -> None:
    server = Installation.with_accounts(
        tmp_path / "data", cheap_passwords=False, threads=32
    ).start()
    try:
        found = re.search(r"/setup\?link=[\w-]+", server.log.read_text())
        assert found is not None
        link = found[0]

        def set_up(number: int) -> tuple[int, str]:
            fields = {"name": f"Admin {number}", "password": PASSWORD, "again": PASSWORD}
            answer = post(server, link, fields)
            return answer.status, answer.headers.get("Set-Cookie", "")

        with ThreadPoolExecutor(CROWD) as pool:
            answers = list(pool.map(set_up, range(CROWD)))
        statuses = [status for status, _ in answers]
        assert statuses.count(303) == 1, statuses
        assert set(statuses) <= {303, 403, 503}, statuses
        [cookie] = [cookie for _, cookie in answers if cookie]
        server.reader = {"Cookie": cookie.partition(";")[0]}
        people = send(server, "GET", "/admin/", headers={**HTML, **server.reader}).text
        assert len(set(re.findall(r"Admin \d+", people))) == 1
        assert len(server.records("event:user_created")) == 1
        for again in (
            link,
            link + "x",
            "/setup",
            "/setup?link=",
            link.replace("setup", "password"),
        ):
            assert send(server, "GET", again, headers=HTML).status == 403
            assert set_up_again(server, again) == 403
    finally:
        server.stop()


def set_up_again(server: Installation, link: str) -> int:
    """Try to become a second administrator."""
    return post(server, link, {"name": "Eve", "password": OTHER, "again": OTHER}).status


@attack("CWE-362 race condition")
def test_a_link_sets_one_password(house: Household) -> None:
    house.add("Lucky")
    secret = house.accounts.reset(house.ids["Lucky"])

    def choose(number: int) -> int:
        password = f"{OTHER} {number}"
        fields = {"password": password, "again": password}
        return post(house.server, f"/password?link={secret}", fields).status

    with ThreadPoolExecutor(CROWD) as pool:
        statuses = list(pool.map(choose, range(CROWD)))
    assert statuses.count(303) == 1, statuses
    assert set(statuses) <= {303, 403, 503}
    winner = statuses.index(303)
    assert enter(house.server, "Lucky", f"{OTHER} {winner}").status == 303


@attack("CWE-640 weak password recovery")
def test_a_link_is_for_one_account_and_one_page(house: Household) -> None:
    house.add("Target", Role.ADMIN)
    house.add("Owner")
    secret = house.accounts.reset(house.ids["Owner"])
    target = house.ids["Target"]
    for page in ("/setup", "/sign-in", "/account/password"):
        fields = {"name": "Target", "password": OTHER, "again": OTHER}
        assert post(house.server, f"{page}?link={secret}", fields).status in (401, 403)
    answer = post(
        house.server,
        f"/password?user_id={target}&link={secret}&user=Target&name=Target",
        {"password": OTHER, "again": OTHER, "user_id": target, "user": "Target", "name": "Target",
         "username": "Target", "role": "admin"},
    )  # fmt: skip
    assert answer.status == 303
    page = send(house.server, "GET", "/account", headers={**HTML, **cookie_in(answer)}).text
    assert "Owner" in page
    assert enter(house.server, "Target", OTHER).status == 401
    assert enter(house.server, "Target", PASSWORD).status == 303
    assert send(house.server, "GET", "/admin/", headers=cookie_in(answer)).status == 403


@attack("CWE-640 weak password recovery")
def test_looking_does_not_use_a_link_up_and_using_it_does(house: Household) -> None:
    house.add("Forgetful")
    user_id = house.ids["Forgetful"]
    before = house.accounts.reset(user_id)
    secret = house.accounts.reset(user_id)
    link = f"/password?link={secret}"
    for method in ("HEAD", "GET", "OPTIONS", "GET"):
        assert send(house.server, method, link, headers=HTML).status == 200
    assert send(house.server, "GET", f"/password?link={before}", headers=HTML).status == 403
    for wrong in (secret[:-1], secret + "A", secret.swapcase(), "", "%00", "*"):
        assert send(house.server, "GET", f"/password?link={wrong}", headers=HTML).status == 403
    fields = {"password": OTHER, "again": OTHER}
    answer = post(house.server, link, fields)
    assert answer.status == 303
    assert post(house.server, link, fields).status == 403
    assert is_in(house.server, cookie_in(answer))
    assert secret not in house.server.log.read_text()
    assert secret.encode() not in b"".join(
        path.read_bytes() for path in house.server.data.glob("*.db*")
    )


@attack("CWE-644 improper neutralization of HTTP headers")
def test_a_link_does_not_lead_elsewhere(house: Household) -> None:
    ada = house.headers(house.enter("Ada"))
    evil = "evil.example"
    spoofed = {
        "X-Forwarded-Host": evil,
        "X-Forwarded-Proto": "javascript",
        "X-Forwarded-Prefix": f"//{evil}",
        "X-Forwarded-Port": "1",
        "Forwarded": f"host={evil};proto=https",
        "X-Host": evil,
        "X-Original-Host": evil,
        "X-Script-Name": f"//{evil}",
        "Script-Name": f"//{evil}",
    }
    answer = post(
        house.server, f"/admin/users/{house.ids['Mia']}/reset", headers={**ada, **spoofed}
    )
    assert answer.status == 201
    assert evil not in answer.text
    [link] = re.findall(r"http://[^\"<\s]+/password\?link=[\w-]+", answer.text)[:1]
    assert link.startswith((f"http://127.0.0.1:{house.server.port}/", "http://127.0.0.1/"))


@attack("CWE-672 operation on a resource after expiration")
def test_a_link_ends_with_its_account(house: Household) -> None:
    user_id = house.add("Gone")
    secret = house.accounts.reset(user_id)
    house.accounts.disable(user_id)
    house.accounts.enable(user_id)
    fields = {"password": OTHER, "again": OTHER}
    assert post(house.server, f"/password?link={secret}", fields).status == 403
    assert enter(house.server, "Gone", OTHER).status == 401
    signed = house.enter("Gone")
    secret = house.accounts.reset(user_id)
    change = {"current": PASSWORD, **fields}
    assert post(house.server, "/account/password", change, house.headers(signed)).status == 303
    assert post(house.server, f"/password?link={secret}", fields).status == 403
    assert send(house.server, "GET", "/api/v1/files", headers=bearer(secret)).status == 401
