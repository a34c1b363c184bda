"""A name is refused with a reason, or kept to the letter: nothing between."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.errors import Refused
from strongroom.files.names import MAX_BYTES, MAX_DEPTH, check_filename, name_key, split_path

any_text = st.text(st.characters(exclude_categories=()), max_size=300)
plausible = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp")), max_size=90)


def outcome(name: str) -> str | Refused:
    """The name as it is kept, or the refusal."""
    try:
        return check_filename(name)
    except Refused as refused:
        return refused


@given(any_text | plausible)
def test_kept_or_refused(name: str) -> None:
    kept = outcome(name)
    if isinstance(kept, Refused):
        assert kept.reason in ("filename_empty", "filename_not_allowed", "filename_too_long")
        assert kept.status == 400
        assert kept.message.isprintable()
    else:
        assert kept == name
        assert 0 < len(name.encode("utf-8")) <= MAX_BYTES
        assert name.strip()
        assert name not in (".", "..")
        assert not set(name) & set("/\\\x00\r\n\u202e")


@given(plausible)
def test_ordinary_names_are_accepted(name: str) -> None:
    name = f"a{name.replace('/', '').replace(chr(92), '')}"
    if len(name.encode("utf-8")) <= MAX_BYTES:
        assert check_filename(name) == name


@given(plausible, st.sampled_from("\x00\n\r\x1b\x7f\x9b\u202e\u2066\u200e\ud800/\\"), st.data())
def test_one_bad_character_anywhere_is_enough(name: str, bad: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name)))
    assert isinstance(outcome(name[:place] + bad + name[place:]), Refused)


paths = st.lists(
    st.sampled_from(["/", "a", "..", ".", "\\", " ", "\x00", "ä", "x" * 256]), max_size=9
)
kept_names = plausible.filter(lambda name: isinstance(outcome(name), str))


@given(any_text | paths.map("".join))
def test_a_path_is_names_or_refused(path: str) -> None:
    try:
        names = split_path(path)
    except Refused as refused:
        refusal = refused
    else:
        assert_spelt(path, names)
        return
    assert refusal.status == 400


def assert_spelt(path: str, names: list[str]) -> None:
    """The path says these names, and nothing else."""
    assert len(names) <= MAX_DEPTH
    assert [outcome(name) for name in names] == names
    assert "/" + "/".join(names) in (path, f"/{path}", path.removesuffix("/"), f"/{path}"[:-1], "/")
    assert names or path in ("", "/")


@given(st.lists(kept_names, min_size=1, max_size=MAX_DEPTH + 4), st.booleans(), st.booleans())
def test_names_make_a_path_and_come_back(names: list[str], before: bool, after: bool) -> None:
    path = "/" * before + "/".join(names) + "/" * after
    if len(names) > MAX_DEPTH:
        with pytest.raises(Refused) as refused:
            split_path(path)
        assert refused.value.reason == "path_too_deep"
    else:
        assert split_path(path) == names


@given(kept_names)
def test_case_and_form_make_no_difference_to_a_search(name: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert name_key(unicodedata.normalize(form, name)) == name_key(name)
    for other in (name.casefold(), name_key(name)):
        assert name_key(name_key(other)) == name_key(name_key(name))
