"""What an event may carry stays where it is; everything else moves to ``extra``, within limits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.events import Stream
from strongroom.audit.events.system import LogsViewed, RecordsDropped
from strongroom.audit.pipeline.plain import MAX_NAMES, MAX_WORK, plain
from strongroom.audit.pipeline.redact import redact_text
from strongroom.audit.pipeline.shape import MAX_EXTRA_BYTES, shape
from strongroom.audit.pipeline.share import fair_share
from tests.unit.making import Capture, renderings, stored_bytes

log = structlog.get_logger()


class BrokenList(list[int]):
    """Cannot be walked."""

    def __iter__(self) -> Iterator[int]:
        raise OSError("no members")


class BrokenMapping(Mapping[str, int]):
    """Cannot be walked either."""

    def __getitem__(self, key: str) -> int:
        raise OSError("no member")

    def __iter__(self) -> Iterator[str]:
        raise OSError("no members")

    def __len__(self) -> int:
        return 1


class Masked:
    """Raises when it is asked what it is."""

    @property
    def __class__(self) -> Any:
        raise ValueError("not telling")

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise ValueError("not telling")


def released() -> memoryview:
    view = memoryview(b"abc")
    view.release()
    return view


def test_a_declared_event_goes_to_its_stream_with_its_level(capture: Capture) -> None:
    capture.pipeline.log(LogsViewed(count=3))
    capture.pipeline.log(RecordsDropped(count=3))
    (viewed, first), (dropped, second) = capture.taken
    assert (first, second) == (Stream.AUDIT, Stream.OPS)
    assert (viewed["event"], viewed["level"], viewed["outcome"]) == (
        "logs_viewed",
        "info",
        "success",
    )
    assert (dropped["level"], dropped["outcome"], dropped["count"]) == ("error", "failed", 3)


def test_an_undeclared_event_is_ops_and_may_use_the_vocabulary(capture: Capture) -> None:
    log.warning("invoice_paid", invoice=7, count=2, filename="a.pdf", duration_ms=1.5)
    record, stream = capture.taken[0]
    assert stream is Stream.OPS
    assert (record["event"], record["level"]) == ("invoice_paid", "warning")
    assert (record["count"], record["filename"], record["duration_ms"]) == (2, "a.pdf", 1.5)
    assert record["extra"] == {"invoice": 7}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", "three"),
        ("count", True),
        ("count", 1.5),
        ("aborted", 1),
        ("duration_ms", "long"),
        ("filename", 7),
        ("path", ["a"]),
        ("outcome", "perhaps"),
        ("outcome", ["success"]),
        ("outcome", {"success": 1}),
    ],
)
def test_a_value_of_the_wrong_type_moves_to_extra(
    capture: Capture, name: str, value: object
) -> None:
    log.info("invoice_paid", **{name: value})
    record = capture.only()
    assert record["event"] == "invoice_paid"
    assert name not in record
    assert record["extra"] == {name: value}


@pytest.mark.parametrize("name", ["timestamp", "level", "id", "stream", "seq"])
@pytest.mark.parametrize("extra", [None, {"more": 1}, "a text", 7])
def test_names_that_are_ours_cannot_be_taken(capture: Capture, name: str, extra: object) -> None:
    log.warning("invoice_paid", **{name: "forged"}, extra=extra)
    record = capture.only()
    assert (record["event"], record["level"]) == ("invoice_paid", "warning")
    assert record.get(name) != "forged"
    assert record["extra"][name] == "forged"
    if isinstance(extra, dict):
        assert record["extra"]["more"] == 1
    elif extra is not None:
        assert extra in record["extra"].values()


@pytest.mark.parametrize(
    "sentence", ["The cache is warm.", "CacheWarmed", "cache-warmed", "", " ", "日本語", "a__b"]
)
def test_a_sentence_becomes_a_message(capture: Capture, sentence: str) -> None:
    log.error(sentence, count=1)
    record = capture.only()
    assert (record["event"], record["level"]) == ("message_logged", "error")
    assert (record["extra"]["message"], record["count"]) == (sentence, 1)


@pytest.mark.parametrize("event", [None, 7, b"bytes", ["list"]])
def test_an_event_that_is_no_text(capture: Capture, event: Any) -> None:
    log.info(event)
    assert capture.only()["event"] == "message_logged"
    assert capture.only()["extra"]


def test_an_event_name_of_64_characters_is_the_longest(capture: Capture) -> None:
    log.info("x" * 64)
    log.info("x" * 65)
    assert [record["event"] for record in capture.records] == ["x" * 64, "message_logged"]


def test_none_in_the_vocabulary_is_left_out_and_elsewhere_kept(capture: Capture) -> None:
    log.info("invoice_paid", filename=None, invoice=None)
    assert "filename" not in capture.only()
    assert capture.only()["extra"] == {"invoice": None}


@pytest.mark.parametrize(
    "size",
    [
        {"one": "x" * 1_000_000},
        {f"name{i}": "x" * 5_000 for i in range(50)},
        {f"name{i}": i for i in range(5_000)},
        {f"name{i}": {"inner": ["y" * 1_000] * 50} for i in range(10)},
        {"one": "\x00" * 4_000, "two": "😀" * 4_000},
    ],
    ids=["one long", "many long", "very many", "nested", "costly characters"],
)
def test_extra_stays_within_its_limit(capture: Capture, size: dict[str, Any]) -> None:
    log.info("invoice_paid", count=1, **size)
    record = capture.only()
    assert record["count"] == 1
    assert record["extra"]
    assert len(orjson.dumps(record["extra"])) <= MAX_EXTRA_BYTES


def test_short_neighbours_of_a_long_value_survive(capture: Capture) -> None:
    log.info("invoice_paid", invoice=7, text="x" * 100_000, customer="c1")
    extra = capture.only()["extra"]
    assert (extra["invoice"], extra["customer"]) == (7, "c1")
    assert extra["text"].startswith("xxx")


def test_three_objects_deep_and_no_deeper(capture: Capture) -> None:
    log.info("invoice_paid", a={"b": {"c": {"d": {"e": 1}}}})
    assert capture.only()["extra"] == {"a": {"b": {"c": {"d": "[too deep]"}}}}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(BrokenList([1]), id="list"),
        pytest.param(BrokenMapping(), id="mapping"),
        pytest.param(Masked(), id="class"),
        pytest.param(released(), id="memory"),
        pytest.param([BrokenList([1])], id="nested"),
    ],
)
def test_a_value_that_cannot_be_read_costs_nothing_but_itself(
    capture: Capture, value: object
) -> None:
    log.info("invoice_paid", invoice=7, value=value)
    record = capture.only()
    assert record["event"] == "invoice_paid"
    assert record["extra"]["invoice"] == 7
    assert "value" in record["extra"]


def test_an_extra_that_cannot_be_read(capture: Capture) -> None:
    log.info("invoice_paid", count=7, extra=BrokenMapping())
    assert (capture.only()["event"], capture.only()["count"]) == ("invoice_paid", 7)


def test_enumerations_give_their_value() -> None:
    class Colour(Enum):
        RED = "red"

    assert plain([Colour.RED, Stream.OPS], depth=1) == ["red", "ops"]


def test_numbers_that_are_enumerations() -> None:
    """In a process of its own, since a search that never ends cannot be interrupted."""
    code = (
        "from http import HTTPStatus\n"
        "from strongroom.audit.pipeline.shape import shape\n"
        "given = {'event': 'page_found', 'status': HTTPStatus.OK, 'other': HTTPStatus.OK}\n"
        "assert shape(given, None) == {\n"
        "    'event': 'page_found', 'status': 200, 'extra': {'other': 200}}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_a_large_value_costs_no_more_than_it_leaves() -> None:
    """In a process of its own: eight million texts, but only 200 of them are different objects."""
    code = (
        "from strongroom.audit.pipeline.shape import shape\n"
        "texts = ['x' * 4096] * 200\n"
        "for value in ([[texts] * 200] * 200, {str(i): {'x': [texts] * 200} for i in range(200)}):\n"
        "    record = shape({'event': 'cache_warmed', 'value': value, 'invoice': 7}, None)\n"
        "    assert record['extra']['invoice'] == 7\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_a_text_of_lone_surrogates_stays_within_its_limit(capture: Capture) -> None:
    log.info("invoice_paid", filename="\ud800" * 5_000)
    assert len(capture.only()["filename"]) <= 1_024
    assert stored_bytes(capture.only())
    assert all(renderings(capture.only()).values())


@pytest.mark.parametrize(
    "text", ["x" * 5_000, "\x01" * 5_000, "password" * 700], ids=["x", "x01", "pw"]
)
@pytest.mark.parametrize("names", [1, 8, 9, 200, 1_000])
def test_no_more_is_searched_than_fits_into_a_record(
    monkeypatch: pytest.MonkeyPatch, text: str, names: int
) -> None:
    searched: list[int] = []

    def counted(text: str, *, cut: bool = False) -> str:
        searched.append(len(text))
        return redact_text(text, cut=cut)

    monkeypatch.setattr("strongroom.audit.pipeline.plain.redact_text", counted)
    members = {f"name{i}": text for i in range(names)}
    listed = [[name, [text] * 5] for name in members]
    long_names = {"a" * 500 + name: name for name in members}
    for values in (members, {"one": members}, {"one": listed}, long_names):
        searched.clear()
        record = shape({"event": "cache_warmed", **values}, None)
        assert len(orjson.dumps(record["extra"])) <= MAX_EXTRA_BYTES
        assert 0 < sum(searched) < 2 * (MAX_WORK + MAX_NAMES)


def test_every_long_member_keeps_its_share() -> None:
    long = {f"name{i}": chr(65 + i % 26) * 5_000 for i in range(100)}
    extra = shape({"event": "cache_warmed", **long, "invoice": 7, "note": "n" * 60}, None)["extra"]
    assert (extra["invoice"], extra["note"]) == (7, "n" * 60)
    assert len(extra) == 102
    assert all(extra[name].startswith(text[:80]) for name, text in long.items())


def test_a_large_nested_value_keeps_its_beginning() -> None:
    lines = [f"line {number} of many" for number in range(150)]
    record = shape({"event": "cache_warmed", "lines": [lines] * 100, "invoice": 7}, None)
    assert record["extra"]["lines"][0] == lines
    assert record["extra"]["invoice"] == 7


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=300), st.integers(0, 100_000))
def test_shares_are_fair(wants: list[int], total: int) -> None:
    share = fair_share(wants, total)
    taken = sum(min(want, share) for want in wants)
    assert taken <= total
    # Nobody is cut short while there is enough for everybody to have one more.
    assert all(want <= share for want in wants) or total - taken < len(wants)
