"""Headers that say who somebody is: whoever has no secret is nobody, and nothing raises."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from strongroom.permissions import IDENTITY_KEY, Permission
from strongroom.settings import load
from strongroom.store import Store
from strongroom.web.cookies import SECURE_NAME, SessionCookies
from strongroom.web.identify import FAILURE_KEY, Identification
from tests.unit.accounts import House

PLAIN_NAME = "strongroom-8000"


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Ada's session and token, and what tells who sends a request."""
    folder = tmp_path_factory.mktemp("credentials")
    store = Store(f"sqlite:///{folder / 'test.db'}")
    house = House(store)
    ada = house.ada()
    user_id = str(ada.identity.user_id)
    _, token = house.accounts.create_token(user_id, "t", [Permission.FILES_READ])
    cookies = SessionCookies(load(data=folder / "data", listen="127.0.0.1:8000"))
    yield SimpleNamespace(
        session=ada.secret, token=token, tell=Identification(house.accounts, cookies)
    )
    house.audit.close()
    store.close()


WIRE = st.text(st.characters(max_codepoint=255), max_size=60)
"""What a header can hold, as WSGI has it."""

PIECES = st.lists(
    st.sampled_from(
        ["Bearer", "bearer", "BEARER", "Basic", "Token", "srt_", "{token}", "{session}", " ", "\t", ",",
         ";", "=", '"', "\\", f"{PLAIN_NAME}=", f"{SECURE_NAME}=", "$Version=1", "\x00", "%20", "é"]
    )
    | WIRE,
    max_size=8,
).map("".join)  # fmt: skip


@example(None, "\x80", "http")
@given(st.none() | PIECES | WIRE, st.none() | PIECES | WIRE, st.sampled_from(["http", "https"]))
def test_whoever_has_no_secret_is_nobody(
    known: Any, authorization: str | None, cookie: str | None, scheme: str
) -> None:
    environ: dict[str, Any] = {"wsgi.url_scheme": scheme}
    for name, value in (("HTTP_AUTHORIZATION", authorization), ("HTTP_COOKIE", cookie)):
        if value is not None:
            environ[name] = value.replace("{token}", known.token).replace(
                "{session}", known.session
            )
    fields = known.tell(environ)
    assert FAILURE_KEY not in environ
    identity = environ[IDENTITY_KEY]
    assert (identity is None) == (fields is None)
    if identity is None:
        return
    sent = cast("str", environ.get("HTTP_AUTHORIZATION", "")).strip()
    if identity.token_id is not None:
        assert (sent[:6].lower(), sent[6:].strip()) == ("bearer", known.token)
        assert identity.permissions == {Permission.FILES_READ}
        assert identity.csrf_token is None
    else:
        assert known.session in environ["HTTP_COOKIE"]
        assert sent.partition(" ")[0].lower() != "bearer"
    assert known.session not in str(fields)
    assert known.token not in str(fields)


@example(b"\x80")
@given(st.binary(max_size=80))
def test_no_bytes_are_anybody(known: Any, data: bytes) -> None:
    guess = (data or os.urandom(32)).decode("latin-1")
    for header, value in (
        ("HTTP_AUTHORIZATION", f"Bearer srt_{guess}"),
        ("HTTP_COOKIE", f"{PLAIN_NAME}={guess}"),
    ):
        environ: dict[str, Any] = {"wsgi.url_scheme": "http", header: value}
        assert known.tell(environ) is None
        assert FAILURE_KEY not in environ
