"""Where people are sent after signing in: no link can make that another site."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import pytest

from tests.attacks.attack import attack
from tests.attacks.callers import enter, household
from tests.attacks.raw import ask
from tests.web.household import PASSWORD, Household
from tests.web.wire import HTML, HTMX, send

pytestmark = attack(
    "CWE-601 open redirect", "CVE-2021-32618 Flask-Security", "CVE-2023-49438 Flask-Security"
)

SITE = "http://strongroom.example"
ELSEWHERE = (
    "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\\\evil.example",
    "/\\/evil.example", "\\/evil.example", "/%5cevil.example", "/%2fevil.example", "/%2f%2fevil.example",
    "/%252fevil.example", "/\t/evil.example", "/%09/evil.example", "/\n/evil.example", "/\r/evil.example",
    "/%0a/evil.example", "\t//evil.example", " //evil.example", "/ /evil.example", "\x00//evil.example",
    "https:evil.example", "https://evil.example", "http:///evil.example", "http:evil.example",
    "HTTPS:/evil.example", "javascript:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "vbscript:x",
    "//evil.example:80@127.0.0.1", "//127.0.0.1@evil.example", "http://127.0.0.1@evil.example/",
    "@evil.example", ".evil.example", "evil.example", "/.//evil.example", "/..//evil.example",
    "/%2e%2e//evil.example", "/./\\evil.example", "/x/..//evil.example", "//evil.example/%2e%2e",
    "/\u2215evil.example", "/\uff0fevil.example", "\uff0f\uff0fevil.example", "/\u3002/evil.example",
    "//[::1]", "//0x7f.1", "/?next=//evil.example", "/#//evil.example", "?//evil.example", "#//evil.example",
)  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    yield from household(tmp_path_factory, "redirects")


def stays(location: str) -> bool:
    """Whether a browser would remain on this site (URL standard: tabs vanish, ``\\`` is ``/``)."""
    read = location.strip().replace("\\", "/")
    for nothing in "\t\r\n":
        read = read.replace(nothing, "")
    parts = urlsplit(urljoin(f"{SITE}/sign-in", read))
    return f"{parts.scheme}://{parts.netloc}" == SITE and not parts.path.startswith("//")


def test_a_link_to_the_door_leads_nowhere_else(house: Household) -> None:
    mia = house.headers(house.enter("Mia"))
    for wanted in ELSEWHERE:
        for sent in (quote(wanted, safe=""), quote(quote(wanted, safe=""), safe="")):
            for query in (f"next={sent}", f"next=/&next={sent}", f"next={sent}&next=/"):
                answer = send(house.server, "GET", f"/sign-in?{query}", headers={**HTML, **mia})
                assert answer.status == 303
                assert stays(answer.header("Location")), (wanted, answer.header("Location"))
                assert "Refresh" not in answer.headers


@pytest.mark.parametrize("wanted", ELSEWHERE[::6], ids=ascii)
def test_a_form_with_it_leads_nowhere_else(house: Household, wanted: str) -> None:
    answer = enter(house.server, "Mia", PASSWORD, fields={"next": wanted})
    assert answer.status == 303
    assert stays(answer.header("Location")), wanted
    page = send(house.server, "GET", f"/sign-in?next={quote(wanted, safe='')}", headers=HTML)
    assert 'name="next" value="/' in page.text
    assert 'name="next" value="//' not in page.text


def test_no_address_of_mine_sends_me_away(house: Household) -> None:
    """The address that was asked for comes back as the one to go to."""
    mia = [f"{name}: {v}".encode() for name, v in house.headers(house.enter("Mia")).items()]
    for target in (b"//evil.example/logs", b"/\\evil.example", b"/logs?x=//evil.example", b"//evil.example",
                   b"/admin?//evil.example", b"//evil.example/admin", b"/admin//evil.example",
                   b"http://evil.example/logs", b"http://evil.example/admin", b"http://evil.example/"):  # fmt: skip
        for headers in ([], mia):
            answer = ask(house.server, "GET", target, b"Accept: text/html", *headers)
            location = answer.headers.get("Location", "/")
            location = location.removeprefix("http://127.0.0.1")
            assert stays(location), (target, location)
            if location.startswith("/sign-in"):
                [wanted] = parse_qs(urlsplit(location).query).get("next", ["/"])
                again = send(
                    house.server, "GET", f"/sign-in?next={quote(wanted, safe='')}",
                    headers={**HTML, **house.headers(house.enter("Mia"))},
                )  # fmt: skip
                assert stays(again.header("Location"))


def test_no_fragment_sends_me_away(house: Household) -> None:
    mia = house.headers(house.enter("Mia"))
    for page in (
        "https://evil.example/x",
        "http://evil.example//evil.example",
        "//evil.example",
        "x://h//evil.example",
        "javascript:alert(1)",
        "http://[evil",
        "http://127.0.0.1/\\evil.example",
        "",
    ):
        headers = {**HTMX, "HX-Current-URL": page}
        answer = send(house.server, "GET", "/files", headers=headers)
        assert answer.status == 401
        there = answer.header("HX-Redirect")
        assert there.startswith("/sign-in?next=")
        assert stays(there)
        landed = send(house.server, "GET", there, headers={**HTML, **mia})
        assert stays(landed.header("Location")), page
        assert not {"HX-Location", "HX-Push-Url"} & set(answer.headers)


def test_a_way_out_would_be_seen() -> None:
    """The suite's own check."""
    for location in ("//e", "/\\e", "https:e", "https://e", "\t//e", "/\t/e", "javascript:x"):
        assert not stays(location), location
    for location in ("/", "/logs?query=a", "/sign-in?next=/"):
        assert stays(location)
