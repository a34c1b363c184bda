"""Ranges, addresses to go to, sizes and durations: within their limits, or refused in one way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from strongroom.accounts.local import HOME, local_path
from strongroom.errors import Refused
from strongroom.files.downloads import _range
from strongroom.files.model import StoredFile
from strongroom.settings.values import (
    check_hosts,
    read_duration,
    read_names,
    read_network,
    read_size,
)

APP = Flask(__name__)
SITE = "http://strongroom.example"

RANGES = st.lists(
    st.sampled_from(["bytes", "=", "-", ",", " ", "0", "1", "9", "99999999999999999999", "items", "\t", "+", "x"]),
    max_size=14,
).map("".join)  # fmt: skip


def a_file(size: int) -> StoredFile:
    """One of this size."""
    return StoredFile(
        file_id="id",
        filename="name",
        folder_id="root",
        folder="/",
        file_size_bytes=size,
        content_type="text/plain",
        detected_type="text/plain",
        sha256="0" * 64,
        created_at="",
        created_by=None,
        changed_at="",
        changed_by=None,
        version_id="v",
    )


@given(RANGES | st.text(st.characters(max_codepoint=255), max_size=40), st.integers(0, 10**13))
def test_a_range_is_within_the_file(header: str, size: int) -> None:
    reason = "range_not_satisfiable"
    with APP.test_request_context(environ_overrides={"HTTP_RANGE": header}):
        try:
            span = _range(a_file(size))
        except Refused as refused:
            span, reason = None, refused.reason
    assert reason == "range_not_satisfiable"
    if span is not None:
        assert 0 <= span[0] < span[1] <= size


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_sound_range_is_the_one_asked_for(first: int, length: int, size: int) -> None:
    last = first + length
    with APP.test_request_context(headers={"Range": f"bytes={first}-{last}"}):
        if first >= size:
            with pytest.raises(Refused):
                _range(a_file(size))
        else:
            assert _range(a_file(size)) == (first, min(last + 1, size))


PATHS = st.text(alphabet="/\\.%25cCfF:@?#;& \t\r\n\x00ae\u2215\uff0f\u3002\u200b", max_size=40)


@given(st.text(max_size=60) | PATHS | PATHS.map("/".__add__) | PATHS.map("//".__add__))
def test_an_address_to_go_to_is_of_this_site(value: str) -> None:
    found = local_path(value)
    assert found.startswith("/")
    assert found.isascii()
    assert found.isprintable()
    assert "\\" not in found
    parts = urlsplit(urljoin(f"{SITE}/sign-in", found))
    assert f"{parts.scheme}://{parts.netloc}" == SITE
    assert not parts.path.startswith("//")
    assert local_path(found) == found or found == HOME


NUMBERS = st.lists(
    st.sampled_from([*"0123456789.eE+-_ ", "k", "Ki", "MB", "GiB", "T", "m", "h", "d", "s", "inf", "nan"]),
    max_size=12,
).map("".join)  # fmt: skip


def settled(read: Callable[[Any], Any], text: str) -> Any:
    """The value; None where it is refused in the one way that is explained to whoever wrote it."""
    try:
        return read(text)
    except ValueError:
        return None


@given(NUMBERS | st.text(max_size=30))
@pytest.mark.parametrize("read", [read_size, read_duration])
def test_a_size_or_duration_is_a_number(read: Callable[[Any], Any], text: str) -> None:
    value = settled(read, text)
    assert value is None or (isinstance(value, int) and value >= 0)


@pytest.mark.parametrize("read", [read_size, read_duration])
def test_more_than_there_is_is_refused(read: Callable[[Any], Any]) -> None:
    assert settled(read, "9" * 400) is None


@given(
    st.integers(0, 2**53), st.sampled_from(["", "k", "Ki", "M", "Mi"]), st.sampled_from(["", "B"])
)
def test_a_size_is_what_it_says(number: int, factor: str, unit: str) -> None:
    power = {"": 0, "k": 1, "Ki": 1, "M": 2, "Mi": 2}[factor]
    wanted = number * (1024 if factor.endswith("i") else 1000) ** power
    found = settled(read_size, f"{number}{factor}{unit}")
    if found is None:
        assert wanted >= 2**63 * (1 - 2**-50)
        return
    assert abs(found - wanted) <= wanted * 2**-50


@given(st.text("0123456789abcdef.:/% ", max_size=30) | st.text(max_size=20))
def test_a_network_never_means_everybody(text: str) -> None:
    network = settled(read_network, text)
    if network is not None:
        assert network.prefixlen > 0
        assert read_network(str(network)) == network


@given(st.text(max_size=40))
def test_a_host_has_neither_scheme_nor_path(text: str) -> None:
    names = settled(check_hosts, read_names(text))
    for name in names or ():
        assert "/" not in name
        assert not name.isspace()
