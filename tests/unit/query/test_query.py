"""What clicking in a viewer makes of a query, and what every match of one has in common."""

from __future__ import annotations

import pytest

from strongroom.audit.query.compile import Bounds, compile_query
from strongroom.audit.query.language import SEARCHABLE, Is, Not, Query, Text, parse
from tests.unit.query.making import NOW_MICROSECONDS, people

SECOND = 1_000_000
DAY = 86_400 * SECOND
MIDNIGHT = 1_795_478_400 * SECOND
"""2026-11-24T00:00:00Z."""

ID = "019ab3a1-8c00-739b-aea5-966c26f8ad91"
ID_TIME = 0x019AB3A18C00 * 1_000


@pytest.mark.parametrize("name", sorted(SEARCHABLE))
def test_every_searchable_field(name: str) -> None:
    assert parse(f'{name}:"x"') == Query((Is(name, "x"),))
    assert parse(str(Query((Is(name, "7"),)))) == Query((Is(name, "7"),))


def test_which_fields_can_be_searched() -> None:
    assert {"event", "level", "stream", "seq", "id", "user", "duration_ms"} <= SEARCHABLE
    assert SEARCHABLE.isdisjoint({"timestamp", "time", "exception", "extra"})


def test_asking_for_another_value_of_a_field() -> None:
    query = parse("a level:info event:request -level:debug level:(x OR y*)")
    assert str(query.with_field("level", "error")) == "a event:request level:error"
    assert str(query.with_field("user_id", "u 1")) == f'{query} user_id:"u 1"'
    kept = parse("(level:info OR event:request)")
    assert str(kept.with_field("level", "error")) == f"({kept}) level:error"


def test_taking_a_term_away() -> None:
    query = parse("a level:info (a OR b) -c a")
    assert str(query.without(Text("a"))) == "level:info (a OR b) -c"
    assert str(query.without(Not(Text("c")))) == "a level:info (a OR b) a"
    assert str(query.without(query.terms[2])) == "a level:info -c a"
    assert query.without(Text("z")) == query


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "level:error"),
        ("a", "a level:error"),
        ("level:error", "level:error"),
        ("level:info", "level:(info OR error)"),
        ("level:(info OR error) a", "level:(info OR error) a"),
        ("level:(info OR debug)", "level:(info OR debug OR error)"),
        ("-level:error a", "a level:error"),
        ("level:er* a", "level:er* a level:error"),
        ("level:info OR a", "(level:info OR a) level:error"),
    ],
)
def test_including_a_value(before: str, after: str) -> None:
    query = parse(before).including("level", "error")
    assert str(query) == after
    assert query.including("level", "error") == query


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "-level:error"),
        ("a", "a -level:error"),
        ("level:error a", "a -level:error"),
        ("level:info", "level:info -level:error"),
        ("level:(info OR error)", "level:info -level:error"),
        ("level:(info OR error OR x)", "level:(info OR x) -level:error"),
        ("-level:error", "-level:error"),
    ],
)
def test_excluding_a_value(before: str, after: str) -> None:
    query = parse(before).excluding("level", "error")
    assert str(query) == after
    assert query.excluding("level", "error") == query


def test_all_time() -> None:
    query = parse("time:24h a -time:today (time:7d OR b) (time:1h OR time:yesterday)")
    assert str(query.without_times()) == "a (time:7d OR b)"


def facts(text: str) -> tuple[dict[str, set[str]], Bounds, set[str], set[str]]:
    """Needles, time, words and streams."""
    compiled = compile_query(parse(text), NOW_MICROSECONDS, people)
    needles = {name: set(values) for name, values in compiled.needles.items()}
    return needles, compiled.bounds, set(compiled.texts), set(compiled.streams)


@pytest.mark.parametrize(
    ("text", "needles"),
    [
        ("", {}),
        ("filename:a level:info", {"filename": {"a"}, "level": {"info"}}),
        ("filename:(a OR b)", {"filename": {"a", "b"}}),
        ("filename:a OR filename:b level:info", {"filename": {"a", "b"}}),
        ("filename:a OR level:info", {}),
        ("filename:(a OR b) filename:(b OR c)", {"filename": {"b"}}),
        ("-filename:a", {}),
        ("filename:a* b", {}),
        ("ip_address:10.0.0.1", {"ip_address": {"10.0.0.1"}}),
        ("ip_address:2001:DB8::1", {"ip_address": {"2001:db8::1", "2001:DB8::1"}}),
        ("user:bob", {"user_id": {"u3"}}),
        ('user:"ana löw"', {"user_id": {"u1", "u2"}}),
        ("extra.a:1", {}),
    ],
)
def test_needles(text: str, needles: dict[str, set[str]]) -> None:
    assert facts(text)[0] == needles


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("", (None, None)),
        ("time:today", (MIDNIGHT, MIDNIGHT + DAY)),
        ("time:24h", (NOW_MICROSECONDS - DAY, None)),
        ("time:7d time:<today", (NOW_MICROSECONDS - 7 * DAY, MIDNIGHT)),
        ("time:yesterday OR time:today a", (MIDNIGHT - DAY, MIDNIGHT + DAY)),
        ("time:today OR a", (None, None)),
        ("-time:today", (None, None)),
        ("time:2026-11-24T01:00+01:00", (MIDNIGHT, MIDNIGHT + 60 * SECOND)),
        ("time:>=9999-12-31", (253_402_214_400 * SECOND, None)),
    ],
)
def test_bounds(text: str, bounds: tuple[int | None, int | None]) -> None:
    assert facts(text)[1] == bounds


def test_an_id_tells_its_time_in_our_own_streams() -> None:
    for field in ("id", "request_id"):
        found = compile_query(parse(f"{field}:{ID}"), NOW_MICROSECONDS, people).facts
        around = Bounds(ID_TIME - DAY, ID_TIME + DAY)
        assert found.bounds_of("audit") == found.bounds_of("ops") == around
        assert found.bounds_of("imported") == Bounds()
    for text in (f"file_id:{ID}", f"-id:{ID}", f"id:{ID} OR a", "id:r1", f"id:{ID.upper()}"):
        found = compile_query(parse(text), NOW_MICROSECONDS, people).facts
        assert found.bounds_of("audit") == Bounds()
    both = compile_query(parse(f"id:{ID} OR time:today"), NOW_MICROSECONDS, people).facts
    assert both.bounds_of("audit") == (ID_TIME - DAY, MIDNIGHT + DAY)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Report x", {"report", "x"}),
        ("report OR x", set()),
        ("(report x) OR (q x)", {"x"}),
        ("-report", set()),
        ("GRO\u0308SSE", {"grösse"}),
        ("bob", set()),  # somebody's name
        (ID, set()),  # may be in a column of ids
        ("filename:report", set()),
        ('""', set()),
    ],
)
def test_words(text: str, words: set[str]) -> None:
    assert facts(text)[2] == words


@pytest.mark.parametrize(
    ("text", "streams"),
    [
        ("", {"audit", "ops", "imported"}),
        ("stream:audit", {"audit"}),
        ("stream:(audit OR ops) -stream:ops", {"audit"}),
        ("-stream:audit", {"ops", "imported"}),
        ("stream:audit stream:ops", set()),
        ("stream:nothing", set()),
        ("stream:audit OR a", {"audit", "ops", "imported"}),
        ("user:bob", {"audit", "ops"}),
        ("user:nobody", set()),
        ("user:nobody OR stream:ops", {"ops"}),
        ("level:info level:error", set()),
    ],
)
def test_streams(text: str, streams: set[str]) -> None:
    assert facts(text)[3] == streams


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("", "true"),
        ("level:info filename:a", '"level" = ? AND "filename" = ?'),
        ("status:404", '"status" = ?'),
        (f"request_id:{ID}", '"request_id" = CAST(? AS UUID)'),
        ("ip_address:10.0.0.1", '"ip_address" = ?'),
        ("aborted:true", '"aborted" = ?'),
        ("session_id:r1", "false"),
        ('status:"none"', "false"),
        ("session_id:*", '"session_id" IS NOT NULL'),
        ("status:>=400", '("status" >= ?)'),
    ],
)
def test_plain_conditions_stay_plain(text: str, sql: str) -> None:
    """So that the statistics of a file can be compared with them."""
    assert compile_query(parse(text), 0, people, has_rest=False).sql == sql


def test_a_directory_is_asked_once_for_each_name() -> None:
    asked: list[str] = []

    def directory(_fits: object) -> frozenset[str]:
        asked.append("")
        return frozenset({"u1"})

    compile_query(parse("user:a user:a b user:c count:5"), 0, directory)
    assert len(asked) == 3


def test_many_people_of_one_name() -> None:
    ids = frozenset(f"u{number}" for number in range(1_000))
    compiled = compile_query(parse("user:a*"), 0, lambda _fits: ids)
    assert compiled.params == (sorted(ids),)
    assert not compiled.needles
