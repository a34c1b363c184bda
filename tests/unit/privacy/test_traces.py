"""A trace is found in every form in which something of ours writes it, and only then."""

from __future__ import annotations

import io
import json
from pathlib import Path
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.audit.archive.forgotten import SeqList
from strongroom.audit.privacy.locked import locked, unlocked
from strongroom.audit.privacy.scanning import files_with
from strongroom.audit.privacy.traces import CHUNK, Matcher, forms
from strongroom.errors import Corrupt, Unavailable

ODD = 'Kündigung "日本" 💾.odt'


@pytest.mark.parametrize(
    "written",
    [
        ODD.encode(),
        orjson.dumps({"filename": ODD}),
        json.dumps({"filename": ODD}).encode(),
        quote(ODD).encode(),
    ],
)
def test_forms(written: bytes) -> None:
    assert Matcher({ODD, "something else"}).found(b"before " + written + b" after") == {ODD}
    assert Matcher({ODD}).found(written.replace(b".odt", b".ods")) == set()


def test_short_ones_between_quotation_marks() -> None:
    matcher = Matcher({"Mei"})
    assert matcher.found(b'{"name":"Mei"}') == {"Mei"}
    assert matcher.found(b"Meiji") == set()
    assert Matcher({f"name {number}" for number in range(2_000)}).found(b" name 7 ") == set()


def test_an_address_as_bytes() -> None:
    packed = bytes.fromhex("20010db8000000000000000000000001")
    assert packed in forms("2001:db8::1")
    assert Matcher({"192.0.2.7"}).found(b"\0" * 10 + b"\xff\xff\xc0\0\x02\x07") == {"192.0.2.7"}


@pytest.mark.parametrize("shift", range(-len(ODD.encode()), 2))
def test_across_two_reads(shift: int) -> None:
    content = b"x" * (CHUNK + shift) + ODD.encode() + b"x" * 10
    assert Matcher({ODD, "n"}).found_in(io.BytesIO(content)) == {ODD}


def test_locked_ones_are_not_found() -> None:
    token, key = locked({ODD, "Mei-Ling"})
    assert unlocked(token, key) == sorted({ODD, "Mei-Ling"})
    assert Matcher({ODD, "Mei-Ling"}).found(token + key) == set()
    with pytest.raises(Corrupt):
        unlocked(token[:-5] + b"AAAA=", key)


def test_a_name_of_a_file_counts(tmp_path: Path) -> None:
    (tmp_path / "Mei-Ling.txt").touch()
    (tmp_path / "left out").mkdir()
    (tmp_path / "left out" / "a").write_text("Mei-Ling")
    found = files_with([tmp_path], {"Mei-Ling"}, [tmp_path / "left out"])
    assert [path.name for path in found] == ["Mei-Ling.txt"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        files_with([tmp_path / "gone"], {"Mei-Ling"}, [])


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sets(st.integers(0, 200_000), max_size=20), min_size=1, max_size=3))
def test_lists(several: list[set[int]]) -> None:
    merged = SeqList()
    for seqs in several:
        made, read = SeqList(seqs), SeqList()
        for block, packed in made.rows():
            read.load(block, packed)
        assert list(read) == sorted(seqs)
        assert len(read) == len(seqs)
        assert read.statement() == made.statement()
        merged.merge(read)
    every = set().union(*several)
    assert list(merged) == sorted(every)
    assert all(seq in merged for seq in every)
    assert merged.touches(0, 100_000) == any(seq <= 100_000 for seq in every)
