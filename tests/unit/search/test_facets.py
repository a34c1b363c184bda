"""Facets of fields with many values: what is said to be certain is."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.query.search import tally as tallies
from strongroom.audit.query.search.facets import check_field
from strongroom.audit.query.search.tally import Tally
from strongroom.errors import Refused

VALUES = st.lists(st.sampled_from([*"aaaaaaabbbbccdefghijklmnop"]), max_size=60)


@given(batches=st.lists(VALUES, max_size=5), limit=st.integers(1, 4), told=st.integers(2, 8))
def test_what_is_certain_is_exact(batches: list[list[str]], limit: int, told: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tallies, "TOLD", told)
        tally = Tally()
        for batch in batches:
            tally.add(Counter(batch).most_common(told))
        shown, certain = tally.first(limit, "")
    exact = Counter(value for batch in batches for value in batch)
    wanted = sorted(exact.items(), key=lambda one: (-one[1], one[0]))[:limit]
    if certain:
        assert shown == wanted
    if all(len(set(batch)) < told for batch in batches):
        assert certain


@given(batches=st.lists(VALUES, max_size=5), limit=st.integers(1, 3), told=st.integers(3, 8))
def test_what_is_kept_shortened_is_no_more_certain_than_it_was(
    batches: list[list[str]], limit: int, told: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tallies, "TOLD", told)
        tally, whole = Tally(), Counter[str]()
        for batch in batches:
            tally.add(Counter(batch).most_common(told))
            whole.update(batch)
        if len(tally.total) <= told:
            return
        shown, certain = tallies.shortened(tally).first(limit, "")
    if certain:
        wanted = sorted(whole.items(), key=lambda one: (-one[1], one[0]))[:limit]
        assert shown == wanted


def test_what_was_left_out_does_not_matter_where_it_could_change_nothing() -> None:
    """Close to one another, but all told by both."""
    both = frozenset("abcd")
    tally = Tally(Counter(a=100, b=99, c=98, d=98, z=40), [(3, both), (4, both | {"z"})])
    assert tally.first(3, "") == ([("a", 100), ("b", 99), ("c", 98)], True)
    assert tally.first(1, "z") == ([("z", 40)], False)  # one of them may have more
    assert Tally(Counter(a=9, z=3), [(6, frozenset("a"))]).first(1, "")[1] is False


@pytest.mark.parametrize(
    "field", ["exception", "extra", "rest", "more_text", "id", "nothing", "x'"]
)
def test_fields_without_values_to_count(field: str) -> None:
    with pytest.raises(Refused) as refused:
        check_field(field)
    assert refused.value.reason == "field_not_counted"
