"""Queries, cursors, forwarded addresses and what the ledger hands out: read, or refused in one way."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.merkle import Malformed
from strongroom.audit.merkle.bundles import decode_bundle
from strongroom.audit.merkle.tlog_proof import TlogProof
from strongroom.audit.query.cursor import Cursor
from strongroom.audit.query.language import QueryError, parse
from strongroom.errors import Refused
from strongroom.web.proxies import TrustedProxies

NETWORK = ipaddress.ip_network("127.0.0.0/8")
ADDRESSES = st.text("0123456789abcdef:.[]%, /xX\x00é٣ ", max_size=40) | st.text(max_size=30)


@given(ADDRESSES, ADDRESSES, ADDRESSES)
def test_only_addresses_get_in(forwarded: str, host: str, scheme: str) -> None:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], _start: object) -> Iterable[bytes]:
        seen.update(environ)
        return []

    TrustedProxies(application, (NETWORK,))(
        {
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_X_FORWARDED_FOR": forwarded,
            "HTTP_X_FORWARDED_HOST": host,
            "HTTP_X_FORWARDED_PROTO": scheme,
            "wsgi.url_scheme": "http",
            "HTTP_HOST": "h",
        },
        lambda *_: lambda _: None,
    )
    ipaddress.ip_address(seen["REMOTE_ADDR"])
    assert seen["wsgi.url_scheme"] in ("http", "https")


@given(st.text("abc:\"()<>=-* \\'orORNTAD!~,[]|.", max_size=60) | st.text(max_size=60))
def test_a_query_is_read_or_explained(text: str) -> None:
    try:
        query = parse(text)
    except QueryError:
        return
    assert parse(str(query)) == query


@given(st.text("0123456789-auditops٣", max_size=50) | st.text(max_size=50))
def test_a_cursor_is_read_or_refused(text: str) -> None:
    try:
        cursor = Cursor.parse(text)
    except Refused:
        return
    assert Cursor.parse(str(cursor)) == cursor


@given(st.binary(max_size=200), st.none() | st.integers(0, 256))
def test_an_entry_bundle_is_whole_or_malformed(data: bytes, count: int | None) -> None:
    with contextlib.suppress(Malformed):
        decode_bundle(data, count)


@pytest.mark.parametrize("read", [TlogProof.parse])
@given(data=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_a_proof_is_whole_or_malformed(read: Callable[[bytes], object], data: bytes) -> None:
    with contextlib.suppress(Malformed):
        read(data)
