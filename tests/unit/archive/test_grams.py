"""Filters of parts of texts: what is there is never said to be absent; most of what is not, is."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.audit.archive import grams
from strongroom.audit.archive.duck import connect
from strongroom.audit.archive.grams import Places, Wanted, append_grams, grams_of
from strongroom.audit.query.names import lowered
from strongroom.audit.query.search.engine import table_sql

TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | st.text("abcé01. -İΣßK", max_size=20)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB as the sealer has it, with a table of the relation."""
    folder = tmp_path_factory.mktemp("grams")
    with connect(folder, threads=1, memory_bytes=200_000_000, streaming=True) as opened:
        opened.execute(table_sql("records"))
        opened.execute(f"SET VARIABLE place = '{folder / 'a.parquet'}'")
        yield opened


def written(
    connection: duckdb.DuckDBPyConnection, texts: list[str], column: str = "filename"
) -> tuple[Path, Places]:
    """A file with these texts, and where its filters are."""
    row = connection.execute("SELECT getvariable('place')").fetchone()
    assert row is not None
    path = Path(row[0])
    path.unlink(missing_ok=True)
    connection.execute("DELETE FROM records")
    connection.execute(
        f'INSERT INTO records (seq, "{column}") SELECT unnest(?), unnest(?)',
        [list(range(len(texts))), texts],
    )
    connection.execute(f"COPY (FROM records ORDER BY seq) TO '{path}' (FORMAT parquet)")
    return path, append_grams(connection, path, 0, len(texts))


@settings(max_examples=15, deadline=None)
@given(texts=st.lists(TEXT, min_size=1, max_size=6), cuts=st.tuples(st.integers(), st.integers()))
def test_every_part_of_a_text_is_there(
    connection: duckdb.DuckDBPyConnection, texts: list[str], cuts: tuple[int, int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grams, "BLOCK_ROWS", 2)
        path, places = written(connection, texts)
    assert len(places.sizes) == -(-len(texts) // 2)
    for seq, text in enumerate(texts):
        low = lowered(text)
        start, end = sorted(cut % (len(low) + 1) for cut in cuts)
        for part in (low, low[start:end]):
            absent = Wanted([part]).absent(path, places)
            assert part not in absent[seq // 2]


def test_the_file_is_as_readable_as_before(connection: duckdb.DuckDBPyConnection) -> None:
    texts = [f"report {number}.pdf" for number in range(100)]
    path, places = written(connection, texts)
    found = connection.execute(f"SELECT seq, filename FROM '{path}' ORDER BY seq").fetchall()
    assert found == list(enumerate(texts))
    assert Places.read(places.packed()) == places


def test_most_of_what_is_not_there_is_absent(connection: duckdb.DuckDBPyConnection) -> None:
    path, places = written(connection, [f"scan {number:06}.pdf" for number in range(2_000)])
    wanted = [f"{number:06}" for number in range(500_000, 501_000)]
    absent = Wanted(wanted).absent(path, places)[0]
    assert len(absent) > 950
    assert Wanted(["scan 001999.pdf", "001999"]).absent(path, places) == [frozenset()]


@pytest.mark.parametrize("column", ["path", "user_agent", "more_text", "error_msg"])
def test_all_texts_are_in_it(connection: duckdb.DuckDBPyConnection, column: str) -> None:
    path, places = written(connection, ["Quarterly"], column)
    assert Wanted(["arterl"]).absent(path, places) == [frozenset()]
    assert Wanted(["hourly"]).absent(path, places) == [frozenset(["hourly"])]


def test_hashes_are_not(connection: duckdb.DuckDBPyConnection) -> None:
    path, places = written(connection, ["c0ffee" * 10], "sha256")
    assert Wanted(["c0ffee"]).absent(path, places) == [frozenset(["c0ffee"])]
    path, places = written(connection, ["no hash"], "sha256")
    assert Wanted(["hash"]).absent(path, places) == [frozenset()]


def test_a_block_of_too_many_pieces_may_hold_anything(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grams, "MOST", 20)
    monkeypatch.setattr(grams, "BLOCK_ROWS", 1)
    path, places = written(connection, ["a text that is long enough for many", "short"])
    assert places.sizes[0] == 0
    assert Wanted(["nothing"]).absent(path, places) == [frozenset(), frozenset(["nothing"])]


def test_a_long_run_is_found_across_its_cuts(connection: duckdb.DuckDBPyConnection) -> None:
    run = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789ä日", k=400))
    path, places = written(connection, [run])
    parts = [run[start : start + n] for n in (3, 4, 5, 6, 90) for start in range(len(run) - n + 1)]
    for part in parts:
        assert Wanted([part]).absent(path, places) == [frozenset()], part
    assert Wanted(["another"]).absent(path, places) == [frozenset(["another"])]


def test_a_million_characters_without_a_blank(connection: duckdb.DuckDBPyConnection) -> None:
    """Counted to place by place, they would take hours."""
    path, places = written(connection, ["日x" * 500_000])
    assert Wanted(["日x日x"]).absent(path, places) == [frozenset()]
    assert Wanted(["xxx"]).absent(path, places) == [frozenset(["xxx"])]


def test_short_words_are_not_looked_for() -> None:
    assert grams_of("ab c-d") == frozenset()
    assert grams_of("ab cde") == {"cde"}
    assert grams_of("report 7") == {"report"}
    assert grams_of("reports") == {"report", "eports"}
    assert Wanted(["ab", "abc"]).texts == ["abc"]
