"""Whoever asks: with a password, a session, a token or nothing, from any loopback address."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

import pytest

from tests.serving import Installation
from tests.web.household import Household
from tests.web.wire import AGENT, HTML, PATIENCE, Answer, send

FIELDS = {"Content-Type": "application/x-www-form-urlencoded"}


def household(
    factory: pytest.TempPathFactory, name: str, **settings: object
) -> Iterator[Household]:
    """A house of its own for one file of tests."""
    house = Household(factory.mktemp(name) / "data", **settings)
    yield house
    house.close()


def post(
    server: Installation,
    target: str,
    fields: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send a small form as a browser would."""
    body = urlencode(fields or {}).encode()
    return send(server, "POST", target, body, {**HTML, **FIELDS, **(headers or {})})


def enter(
    server: Installation,
    name: str,
    password: str,
    headers: Mapping[str, str] | None = None,
    *,
    address: str = "127.0.0.1",
    fields: Mapping[str, str] | None = None,
) -> Answer:
    """Try to sign in, from one of the addresses of this machine."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", server.port, timeout=PATIENCE, source_address=(address, 0)
    )
    body = urlencode({"name": name, "password": password, **(fields or {})}).encode()
    sent = {"User-Agent": AGENT, **HTML, **FIELDS, **(headers or {})}
    try:
        connection.request("POST", "/sign-in", body, sent)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def bearer(secret: str) -> dict[str, str]:
    """The header by which a program signs in."""
    return {"Authorization": f"Bearer {secret}"}


def cookie_in(answer: Answer) -> dict[str, str]:
    """The cookie that an answer sets, as the browser sends it back."""
    return {"Cookie": answer.header("Set-Cookie").partition(";")[0]}


def is_in(server: Installation, headers: Mapping[str, str]) -> bool:
    """Whether these headers make somebody who is signed in."""
    answer = send(server, "GET", "/account", headers={**HTML, **headers})
    assert answer.status in (200, 303), answer.status
    return answer.status == 200
