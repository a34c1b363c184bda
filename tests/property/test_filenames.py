"""A name is refused with a reason, or kept to the letter: nothing between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from strongroom.errors import Refused
from strongroom.files.names import MAX_BYTES, check_filename

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
