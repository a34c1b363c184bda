"""After signing in nobody is sent to another site, however the address is written."""

from __future__ import annotations

from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.accounts.local import HOME, landing, local_path
from strongroom.permissions import PERMISSIONS, Identity, Permission, Role

EVIL = [
    "", "evil.example", "//evil.example", "///evil.example", "\\\\evil.example", "/\\evil.example",
    "/\\/evil.example", "\\/evil.example", "http:evil.example", "http://evil.example",
    "https:/evil.example", "javascript:alert(1)", "data:text/html,x", " //evil.example",
    "/\t/evil.example", "/\n/evil.example", "/\r\nX-Injected: 1", "\t//evil.example", "/\x00",
    "/\x7f", "/\x85", "/\u202eevil", "/\u2028", "/\ud800", "/%2Fevil.example", "/%2f%2fevil.example",
    "/%5Cevil.example", "/%252Fevil.example", "/%25252Fevil.example", "/%09/evil.example",
    "/%0d%0aX-Injected:%201", "/%00", "/.//evil.example", "/..//evil.example", "/%2e%2e//evil.example",
    "/x/../..//evil.example", "/./x", "/x/%2E%2E/y", "/%" + "25" * 10 + "2Fevil.example", "/" + "a" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("value", EVIL)
def test_another_site_is_home(value: str) -> None:
    assert local_path(value) == HOME


@pytest.mark.parametrize(
    "value",
    [
        "/", "/logs", "/logs?query=user%3A%22a%5Cb%22&time=24h", "/logs?next=http://evil.example",
        "/api/v1/files/a%20b.txt", "/api/v1/files/100%25.txt", "/admin/users/01980000", "/?a=//b",
    ],
)  # fmt: skip
def test_a_page_of_this_site_stays_as_it_is(value: str) -> None:
    assert local_path(value) == value


def test_what_is_not_ascii_is_encoded() -> None:
    assert local_path("/api/v1/files/a ü.txt") == "/api/v1/files/" + quote("a ü.txt")


@given(st.text() | st.text(alphabet="/\\.%25cCfF:@?# \tae").map(lambda tail: "/" + tail))
def test_whatever_is_sent_the_browser_stays_here(value: str) -> None:
    path = local_path(value)
    assert path.isascii()
    assert path.isprintable()
    assert "\\" not in path
    there = urlsplit(urljoin("https://here.example/sign-in", path))
    assert (there.scheme, there.netloc) == ("https", "here.example")


@pytest.mark.parametrize(
    ("role", "wanted", "place"),
    [
        (Role.MEMBER, "/", "files"),
        (Role.ADMIN, "/", "files"),
        (Role.AUDITOR, "/", "logs"),
        (Role.AUDITOR, "/account", "/account"),
    ],
)
def test_everybody_lands_where_they_may_be(role: Role, wanted: str, place: str) -> None:
    places = {Permission.FILES_READ: "files", Permission.LOGS_READ: "logs"}
    assert landing(Identity("u", "ana", role, PERMISSIONS[role]), wanted, places, "else") == place


def test_whoever_may_nothing_lands_at_home() -> None:
    identity = Identity("u", "ana", Role.MEMBER, frozenset())
    assert landing(identity, HOME, {Permission.FILES_READ: "files"}, "account") == "account"
