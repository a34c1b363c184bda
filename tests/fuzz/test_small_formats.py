"""Short texts from outside: whatever they say, a value within bounds or a refusal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.merkle import Malformed
from strongroom.audit.merkle.tiles import Tile
from strongroom.files.downloads import _span
from strongroom.files.uploads import DEFAULT_TYPE, clean_type
from strongroom.settings import Address
from strongroom.settings.values import read_address

digits = st.text("0123456789x/.p", max_size=20)


@given(st.text(max_size=40) | st.from_regex(r"\[?[0-9a-f:.]{1,20}\]?:[0-9]{1,6}", fullmatch=True))
def test_an_address_survives_printing(text: str) -> None:
    try:
        address = read_address(text)
    except ValueError:
        return
    assert isinstance(address, Address)
    assert 0 <= address.port <= 65_535
    assert read_address(str(address)) == address


@given(st.text(max_size=60) | st.builds("tile/{}/{}".format, digits, digits))
def test_a_tile_path_is_canonical(text: str) -> None:
    try:
        tile = Tile.parse(text)
    except Malformed:
        return
    assert tile.path == text


@given(st.integers(), st.none() | st.integers(), st.integers(0, 10**15))
def test_a_span_is_within_the_file(first: int, stop: int | None, size: int) -> None:
    span = _span((first, stop), size)
    if span is not None:
        assert 0 <= span[0] < span[1] <= size


@given(st.none() | st.text(max_size=60))
def test_a_media_type_is_one_token_each_side(declared: str | None) -> None:
    kind = clean_type(declared)
    assert kind.isascii()
    assert kind.count("/") == 1
    assert not set(kind) & set(" \r\n\t;,\"'<>")
    assert clean_type(kind) == kind
    assert clean_type("") == DEFAULT_TYPE
