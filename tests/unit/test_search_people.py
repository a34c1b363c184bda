"""Names beside ids: joined when records are read, looked up when somebody is searched for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, select, text

from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal, encode
from strongroom.audit.journal.people import People, person
from strongroom.audit.journal.tables import journal as rows
from strongroom.audit.query import Search, Window, parse
from strongroom.store import Store
from tests.unit.making import audit_record, finished, ops_record

ADA, ADA_TOO, BOB = "u-ada", "u-ada-2", "u-bob"


@pytest.fixture
def search(store: Store, journal: Journal) -> Search:
    """Records of four people, one of whom nobody knows by name, and the directory."""
    journal.append(
        [
            audit_record(count=1, user_id=ADA, filename="a.txt"),
            audit_record(count=2, user_id=BOB, target_user_id=ADA, request_id="r1"),
            audit_record(count=3, user_id=ADA_TOO, request_id="r1"),
            audit_record(count=4, user_id="u-unknown"),
            audit_record(count=5),
        ]
    )
    journal.enqueue(ops_record(count=6, user_id=ADA))
    others = encode(finished(count=7, user_id=ADA), Stream.IMPORTED)

    def unit(connection: Connection) -> None:
        people = People(store)
        for user_id, name in ((ADA, "Ada Löw"), (ADA_TOO, "ada Löw"), (BOB, "Bob")):
            people.put(connection, user_id, name)
        journal.append_within(connection, Stream.IMPORTED, [others])

    store.write(unit)
    return Search(store)


def found(search: Search, query: str = "") -> dict[int, dict[str, Any]]:
    """The records by their count."""
    return {r["count"]: r for r in search.page(parse(query), Window()).records}


@contextmanager
def asked(store: Store) -> Iterator[list[str]]:
    """The statements that ask the directory in this block."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM person" in statement:
            statements.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


def test_the_name_stands_beside_the_id(search: Search) -> None:
    shown = found(search)
    assert [shown[n].get("user") for n in range(1, 7)] == (
        ["Ada Löw", "Bob", "ada Löw", None, None, "Ada Löw"]
    )
    assert shown[4]["user_id"] == "u-unknown"
    assert shown[2]["target_user"] == "Ada Löw"
    names = list(shown[2])
    assert names.index("user") == names.index("user_id") + 1
    assert search.record(shown[1]["id"]) == shown[1]
    assert list(search.of_request("r1")) == [shown[2], shown[3]]
    newer, _ = search.after({"audit": 0, "ops": 0}, parse(""))
    assert {r["count"]: r for r in newer} == {n: r for n, r in shown.items() if n != 7}


def test_other_programs_ids_are_other_peoples(search: Search) -> None:
    assert "user" not in found(search)[7]
    assert 7 not in found(search, '"ada löw"')


def test_one_query_for_a_page(store: Store, search: Search) -> None:
    with asked(store) as statements:
        search.page(parse(""), Window())
    assert len(statements) == 1


def test_a_page_without_anybody_asks_nothing(store: Store, search: Search) -> None:
    with asked(store) as statements:
        search.page(parse("count:5"), Window())
    assert statements == []


@pytest.mark.parametrize(
    ("query", "counts"),
    [
        ('user:"Ada Löw"', {1, 3, 6}),
        ('user:"ADA LO\u0308W"', {1, 3, 6}),
        ("user:Ada", set()),  # a field is asked for its whole value
        ("user:bob", {2}),
        ("user:bob count:1", set()),
        ('target_user:"ada löw"', {2}),
        ("user:nobody", set()),
        (f"user:{ADA}", set()),  # that is the id
        (f"user_id:{ADA}", {1, 6, 7}),
        ("u-ada", {1, 2, 3, 6, 7}),  # by what stands in the record itself
        ("löw", {1, 2, 3, 6}),
        ("löw a.txt", {1}),
        ("bob", {2}),
    ],
)
def test_people_are_found_by_name(search: Search, query: str, counts: set[int]) -> None:
    assert found(search, query).keys() == counts
    after, _ = search.after({"audit": 0, "ops": 0}, parse(query))
    assert {r["count"] for r in after} == counts - {7}


def test_a_new_name_is_shown_in_old_records(store: Store, search: Search) -> None:
    store.write(lambda connection: People(store).put(connection, BOB, "Robert"))
    assert found(search)[2]["user"] == "Robert"
    assert found(search, "user:bob") == {}
    assert found(search, "user:robert").keys() == {2}


def test_who_was_forgotten_is_an_id(store: Store, search: Search) -> None:
    store.write(lambda c: c.execute(delete(person).where(person.c.user_id == BOB)))
    record = found(search)[2]
    assert record["user_id"] == BOB
    assert "user" not in record
    assert found(search, "bob").keys() == {2}  # the id says so itself
    assert found(search, "user:bob") == {}


def test_no_name_is_stored_and_a_stored_one_is_not_believed(store: Store, search: Search) -> None:
    with store.read() as connection:
        for row in connection.execute(select(rows)):
            stored = b"".join(part or b"" for part in (row.entry, row.content, row.network))
            assert "Löw".encode() not in stored
    forge = """update journal set content = '{"user":"Mallory","target_user":"Mallory"}'"""
    store.write(lambda connection: connection.execute(text(forge)))
    shown = found(search)
    assert shown[1]["user"] == "Ada Löw"
    assert "Mallory" not in str(shown)


def test_an_odd_id_hides_no_record(store: Store, search: Search) -> None:
    odd = text("update journal set network = :network where stream = 'audit'")
    values = {"network": '{"user_id":{"a":1}}'}
    store.write(lambda connection: connection.execute(odd, values))
    assert len(found(search)) == 7
    assert found(search, "löw").keys() == {2, 6}


def test_ids_of_sessions_and_tokens_are_searched_for(journal: Journal, search: Search) -> None:
    one, other = "0190163d-8694-739b-aea5-966c26f8ad91", "0190163d-8694-739b-aea5-966c26f8ad92"
    journal.append(
        [
            audit_record(count=11, session_id=one),
            audit_record(count=12, token_id=one, missing="files:write"),
            audit_record(count=13, session_id=other, missing="session"),
        ]
    )
    for query, counts in {
        f"session_id:{one}": {11},
        f"token_id:{one}": {12},
        "missing:files:write": {12},
        "missing:session": {13},
        one: {11, 12},
    }.items():
        assert found(search, query).keys() == counts, query
        assert str(parse(str(parse(query)))) == str(parse(query))
