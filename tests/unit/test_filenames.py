"""Names of files: kept to the letter, or refused with a reason that helps."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import pytest

from strongroom.errors import Refused
from strongroom.files.names import MAX_BYTES, check_filename

ACCEPTED = [
    "a",
    "example.txt",
    "日本語.txt",
    "中文.txt",
    "a b.txt",
    " leading and trailing ",
    "größer.pdf",
    unicodedata.normalize("NFD", "größer.pdf"),
    "😀👩‍👩‍👧.png",
    "שלום.txt",
    "\u200bvisible",
    "❤\ufe0f",
    "\u0e31",
    "...",
    ".hidden",
    "..twice",
    "trailing.",
    "-rf",
    "$(touch x)",
    "%2e%2e%2f",
    "<script>alert(1)",
    "'; drop table file; --",
    "CON",
    "nul.txt",
    "a:b*c?d|e",
    '"quoted".txt',
    "password=hunter2.txt",
    "null",
    "x" * MAX_BYTES,
    "日" * (MAX_BYTES // 3),
    "😀" * (MAX_BYTES // 4) + "xyz",
]

REFUSED = [
    ("", "filename_empty"),
    (" ", "filename_empty"),
    ("\t\n", "filename_empty"),
    ("\u3000", "filename_empty"),
    (".", "filename_not_allowed"),
    ("..", "filename_not_allowed"),
    ("a/b", "filename_not_allowed"),
    ("/etc/passwd", "filename_not_allowed"),
    ("../../x", "filename_not_allowed"),
    ("C:\\x", "filename_not_allowed"),
    ("a\nb.txt", "filename_not_allowed"),
    ("a\rb.txt", "filename_not_allowed"),
    ("a\x00b.txt", "filename_not_allowed"),
    ("a.txt\x00", "filename_not_allowed"),
    ("a\x1b[31m.txt", "filename_not_allowed"),
    ("a\x7f.txt", "filename_not_allowed"),
    ("a\x85.txt", "filename_not_allowed"),
    ("abc\u202egpj.exe", "filename_not_allowed"),
    ("a\u2066b\u2069.txt", "filename_not_allowed"),
    ("a\u200fb.txt", "filename_not_allowed"),
    ("a\u061cb.txt", "filename_not_allowed"),
    ("a\u2028b.txt", "filename_not_allowed"),
    ("a\ud800.txt", "filename_not_allowed"),
    ("\u200b", "filename_not_allowed"),
    ("\u2060\ufeff", "filename_not_allowed"),
    ("\u3164", "filename_not_allowed"),
    ("\u00ad", "filename_not_allowed"),
    (" \u115f\u2800\ufe0f ", "filename_not_allowed"),
    ("\U000e0041\U000e007f", "filename_not_allowed"),
    ("x" * (MAX_BYTES + 1), "filename_too_long"),
    ("x" * 300, "filename_too_long"),
    ("日" * (MAX_BYTES // 3) + "x", "filename_too_long"),
    ("😀" * (MAX_BYTES // 4 + 1), "filename_too_long"),
]


def labels(names: Iterable[str]) -> list[str]:
    """Something short and printable to call each case by."""
    return [f"{number} {name[:20]!a}" for number, name in enumerate(names)]


@pytest.mark.parametrize("name", ACCEPTED, ids=labels(ACCEPTED))
def test_accepted_to_the_letter(name: str) -> None:
    assert check_filename(name) == name


@pytest.mark.parametrize(("name", "reason"), REFUSED, ids=labels(n for n, _ in REFUSED))
def test_refused_with_a_reason(name: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        check_filename(name)
    assert (refused.value.reason, refused.value.status) == (reason, 400)
    assert refused.value.message.endswith(".")


def test_the_message_says_what_is_wrong() -> None:
    for name, said in (
        ("x" * 300, "300 bytes; at most 255"),
        ("a\nb", "U+000A"),
        ("a\u202eb", "U+202E"),
        ("a/b", "“/”"),
        ("..", "“..”"),
    ):
        with pytest.raises(Refused) as refused:
            check_filename(name)
        assert said in refused.value.message
        assert refused.value.message.isprintable()
