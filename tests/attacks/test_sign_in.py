"""Coming in without a password: by guessing, by counting, by claiming to be somebody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from strongroom.accounts.service import Where
from strongroom.errors import Refused
from strongroom.permissions import Permission
from tests.attacks.attack import attack
from tests.attacks.callers import bearer, enter, household, post
from tests.web.household import PASSWORD, Household
from tests.web.wire import HTML, send

CLAIMS = (
    "X-Forwarded-For",
    "X-Real-IP",
    "X-Client-IP",
    "X-Originating-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Client-IP",
)
"""Headers in which a proxy would say who the client is."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    for house in household(tmp_path_factory, "sign-in"):
        house.add("Disabled")
        house.accounts.disable(house.ids["Disabled"])
        house.add("Invited", password=False)
        yield house


@pytest.fixture(scope="module")
def admin(house: Household) -> dict[str, str]:
    """What Ada's browser sends."""
    return house.headers(house.enter("Ada"))


KINDS = ("Mia", "Nobody", "Disabled", "Invited")


@attack("CWE-204 observable response discrepancy", "CVE-2026-23849 File Browser")
def test_no_answer_tells_which_names_exist(house: Household) -> None:
    told = set()
    for number, name in enumerate(KINDS):
        answer = enter(house.server, name, "wrong", address=f"127.0.1.{number + 1}")
        page = answer.text.replace(answer.request_id, "").replace(f'value="{name}"', "")
        headers = {n: v for n, v in answer.headers.items() if n not in ("X-Request-ID", "Date")}
        headers.pop("Content-Length", None)
        told.add((answer.status, page, str(sorted(headers.items()))))
    assert len(told) == 1
    assert told.pop()[0] == 401


@attack("CWE-208 observable timing discrepancy", "CVE-2026-23849 File Browser")
@pytest.mark.parametrize("password", ["wrong", PASSWORD, "x" * 1_000_000], ids=len)
def test_every_name_costs_one_hash(
    house: Household, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    passwords = house.accounts.passwords
    matches, hashes = passwords._matches, []

    def counted(stored: str, given: str) -> bool:
        hashes.append(stored.rpartition("$")[0].rpartition("$")[0])  # the parameters alone
        return matches(stored, given)

    monkeypatch.setattr(passwords, "_matches", counted)
    costs = []
    for number, name in enumerate(("Nobody", "Disabled", "Invited")):
        with pytest.raises(Refused):
            house.accounts.sign_in(name, password, where=Where(f"192.0.2.{number}", None))
        costs.append(list(hashes))
        hashes.clear()
    assert costs == [costs[0]] * 3
    assert len(costs[0]) == 1


@attack(
    "CWE-307 improper restriction of authentication attempts",
    "CVE-2021-32678 Nextcloud",
    "GHSA-r4v7-6wcg-ghj5 FileBrowser Quantum",
)
def test_no_header_makes_another_address_of_it(house: Household) -> None:
    house.add("Claimed")
    statuses = []
    for number in range(8):
        claimed = f"198.51.100.{number}"
        headers = dict.fromkeys(CLAIMS, claimed) | {"Forwarded": f"for={claimed}"}
        answer = enter(house.server, "Claimed", "wrong", headers, address="127.0.2.1")
        statuses.append(answer.status)
        for record in house.server.outcome(answer.request_id):
            assert record.get("ip_address") == "127.0.2.1", record
            assert "198.51.100." not in str(record.get("peer_address"))
    assert statuses == [401] * 5 + [429] * 3
    answer = enter(house.server, "Claimed", PASSWORD, address="127.0.2.1")
    assert answer.status == 429
    assert int(answer.header("Retry-After")) > 0


@attack("CWE-307 improper restriction of authentication attempts")
def test_many_at_once_are_no_way_around(house: Household) -> None:
    house.add("Hurried")

    def attempt(_: int) -> int:
        return enter(house.server, "Hurried", "wrong", address="127.0.3.1").status

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(attempt, range(24)))
    assert statuses.count(401) <= 5
    assert set(statuses) <= {401, 429, 503}


@attack("CWE-307 improper restriction of authentication attempts")
def test_many_names_from_one_address(house: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those before the last few are counted without the cost of their hashes."""
    monkeypatch.setattr(house.accounts.passwords, "verify", lambda *_: False)
    for number in range(47):
        with pytest.raises(Refused, match="wrong"):
            house.accounts.sign_in(f"name {number}", "wrong", where=Where("127.0.4.1", None))
    statuses = [
        enter(house.server, f"other {number}", "wrong", address="127.0.4.1").status
        for number in range(6)
    ]
    assert statuses == [401] * 3 + [429] * 3
    assert enter(house.server, "Mia", PASSWORD, address="127.0.4.1").status == 429
    assert enter(house.server, "Mia", PASSWORD, address="127.0.4.2").status == 303


@attack("CWE-645 overly restrictive account lockout")
def test_nobody_locks_the_owner_out(house: Household) -> None:
    """From everywhere else the name is blocked; from where its owner has come before, it is not."""
    house.add("Besieged")
    assert enter(house.server, "Besieged", PASSWORD, address="127.0.5.1").status == 303
    statuses = [
        enter(house.server, "Besieged", "wrong", address=f"127.0.5.{number}").status
        for number in range(2, 24)
    ]
    assert statuses == [401] * 20 + [429] * 2
    assert enter(house.server, "Besieged", PASSWORD, address="127.0.5.99").status == 429
    assert enter(house.server, "Besieged", PASSWORD, address="127.0.5.1").status == 303


@attack("CWE-307 improper restriction of authentication attempts")
def test_a_stolen_session_does_not_guess_the_password(house: Household) -> None:
    house.add("Robbed")
    headers = house.headers(house.enter("Robbed"))
    form = {"current": "wrong", "password": PASSWORD + "!", "again": PASSWORD + "!"}
    statuses = [post(house.server, "/account/password", form, headers).status for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    assert enter(house.server, "Robbed", PASSWORD, address="127.0.6.1").status == 303


@attack("CWE-290 authentication bypass by spoofing")
@pytest.mark.parametrize(
    "claim",
    [
        {"X-Remote-User": "Ada"},
        {"Remote-User": "Ada"},
        {"Remote_User": "Ada"},
        {"X-Forwarded-User": "Ada", "X-Forwarded-Groups": "admin"},
        {"X-Auth-Request-User": "Ada"},
        {"X-WebAuth-User": "Ada"},
        {"X-Authenticated-User": "Ada"},
        {"Authorization": "Basic QWRhOmZvdXIgbGlsYWMgaGVyb25zIHdhZGU="},
        {"Authorization": "Digest username=Ada"},
        {"Authorization": "Negotiate QWRh"},
        {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
        {"X-SSL-Client-Verify": "SUCCESS", "X-SSL-Client-S-DN": "CN=Ada"},
    ],
    ids=lambda claim: "+".join(claim) if len(claim) > 1 else " ".join(*claim.items())[:30],
)
def test_nobody_is_who_a_header_says(house: Household, claim: Mapping[str, str]) -> None:
    for target in ("/account", "/logs", "/admin/", "/", "/api/v1/files"):
        answer = send(house.server, "GET", target, headers={**HTML, **claim})
        assert answer.status in (303, 401), target
        if answer.status == 303:
            assert answer.header("Location").startswith("/sign-in?")
        for record in house.server.outcome(answer.request_id):
            assert record.get("user_id") is None


@attack("CWE-178 improper handling of case sensitivity")
@pytest.mark.parametrize(
    "name",
    ["ada", "ADA", "\uff21\uff44\uff41", "Ad\u00aa", "\U0001d400\U0001d41d\U0001d41a", "Ada ", " Ada", "Ada\u00a0", "Ada\x00", "Ada\u200d",
     "\u2066Ada", "Ada\u202e", "A\u00adda", "Ada\ufe0f", "Ada\u3164", "\u0410da", "Ad\u0430"],
    ids=ascii,
)  # fmt: skip
def test_there_is_no_second_ada(house: Household, admin: dict[str, str], name: str) -> None:
    answer = post(house.server, "/admin/users", {"name": name, "role": "admin"}, admin)
    assert answer.status in (400, 409), answer.text
    renamed = {"name": name, "role": "member"}
    answer = post(house.server, f"/admin/users/{house.ids['Mia']}", renamed, admin)
    assert answer.status in (400, 409)
    answer = enter(house.server, name, "wrong", address="127.0.7.1")
    assert answer.status in (401, 429)
    people = [row.user.name for row in house.accounts.permissions_overview()]
    assert people.count("Ada") == 1
    assert name not in people


@attack("CWE-400 uncontrolled resource consumption")
def test_a_password_of_a_megabyte_is_not_hashed(house: Household) -> None:
    long = "x" * 1_000_000
    for name, password in (("Mia", long), (long, "x"), (long, long)):
        answer = enter(house.server, name, password, address="127.0.8.1")
        assert answer.status in (400, 401, 413)
        assert len(answer.body) < 100_000
    form = {"current": PASSWORD, "password": long, "again": long}
    headers = house.headers(house.enter("Mia"))
    answer = post(house.server, "/account/password", form, headers)
    assert answer.status in (400, 413)
    assert enter(house.server, "Mia", PASSWORD, address="127.0.8.2").status == 303


@attack("CWE-20 improper input validation")
@pytest.mark.parametrize(
    "name", ["\x00", "' OR '1'='1", "Ada'--", "%", "*", "Ada\r\nx", "ﷺ" * 60, "🏳️‍🌈"]
)
def test_odd_names_are_unknown_names(house: Household, name: str) -> None:
    answer = enter(house.server, name, PASSWORD, address="127.0.9.1")
    assert answer.status in (401, 429)
    assert "Set-Cookie" not in answer.headers
    assert not re.search(r"Traceback|sqlite|Error\b", answer.text)


def _guess(house: Household, secret: str) -> int:
    return send(house.server, "GET", "/api/v1/files", headers=bearer(secret)).status


@attack("CWE-330 use of insufficiently random values")
def test_secrets_are_long_and_differ(house: Household) -> None:
    secrets = [house.token("Mia", Permission.FILES_READ)[1] for _ in range(8)]
    secrets += [house.enter("Mia").secret for _ in range(3)]
    secrets += [house.accounts.reset(house.ids["Mia"]) for _ in range(3)]
    bodies = [secret.rpartition("srt_")[2] for secret in secrets]
    assert len(set(bodies)) == len(bodies)
    assert min(map(len, bodies)) >= 43  # 256 bits in Base64
    for position in range(0, 40, 8):
        assert len({body[position : position + 8] for body in bodies}) == len(bodies)
    for token in secrets[:2]:
        for guess in (token[:-1], token + "x", token.swapcase(), token[4:], "srt_", token + "\x00"):
            assert _guess(house, guess) in (400, 401), guess
    assert _guess(house, secrets[0]) == 200
