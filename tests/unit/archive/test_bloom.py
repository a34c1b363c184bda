"""Split-block Bloom filters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.archive.bloom import BLOCK, build, may_hold


@given(st.sets(st.binary(max_size=40), max_size=200))
def test_no_value_is_missed(values: set[bytes]) -> None:
    bits = build(values)
    assert all(may_hold(bits, value) for value in values)
    assert len(bits) % BLOCK == 0


def test_others_are_mostly_told_apart() -> None:
    bits = build(f"there-{number}".encode() for number in range(5_000))
    seeming = sum(may_hold(bits, f"not-{number}".encode()) for number in range(20_000))
    assert 0 < seeming < 200  # some 30: one or two of a thousand


def test_an_empty_filter_holds_nothing() -> None:
    assert build([]) == b""
    assert not may_hold(b"", b"anything")


def test_the_filter_depends_on_nothing_but_its_values() -> None:
    assert build([b"a", b"b", b"a"]) == build([b"b", b"a"])
    # Written into databases: another filter of the same values would be a change of format.
    assert build([b"strongroom"]).hex() == FIXED


FIXED = "0000000100000080002000008000000000400000000000081000000000200000"
