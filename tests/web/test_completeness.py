"""The route table is walked, in every state of the server, under the production server."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from strongroom.bootstrap import create_app
from strongroom.settings import load
from tests.fault.leaving import head, read_and_leave, records_of_agent, send_and_leave
from tests.fault.test_journal import missing, refusing
from tests.serving import Installation
from tests.web.completeness import FILE, Example, Route, State, gaps, plain, reasons_of_the_product
from tests.web.examples import EXAMPLES, FULL_LIMIT
from tests.web.expect import Record, records_of
from tests.web.made import Made
from tests.web.wire import PATIENCE, SMALL_LIMIT, Answer, api, put, send

ASIDE = {"unhandled_exception", "message_logged", "content_damaged"}
"""What the server says of a fault of its own, beside the outcome; of damaged content, once."""

HALF_A_DOWNLOAD = 100_000
LARGE = 64 * 1024 * 1024


def routes(folder: Path) -> set[Route]:
    """All there are, and those that are nowhere."""
    app = create_app(load(data=folder, log_output="none", no_auth=True))
    try:
        return {
            (method, plain(str(rule)))
            for rule in app.url_map.iter_rules()
            for method in rule.methods or ()
        }
    finally:
        app.extensions["strongroom.audit"].close()


def test_nothing_is_left_out(tmp_path: Path) -> None:
    assert gaps(routes(tmp_path), EXAMPLES) == []
    shown = {example.reason for example in EXAMPLES}
    assert reasons_of_the_product() - shown == set()


def test_leaving_out_is_noticed(tmp_path: Path) -> None:
    """The test above can fail: without any one outcome, any one route, or with a new one."""
    known = routes(tmp_path)
    for route, outcome in {(example.route, example.outcome) for example in EXAMPLES}:
        left = [e for e in EXAMPLES if (e.route, e.outcome) != (route, outcome)]
        assert gaps(known, left), (route, outcome)
    for route in known:
        assert gaps(known, [e for e in EXAMPLES if e.route != route])
    assert "GET /new is of no kind" in gaps({*known, ("GET", "/new")}, EXAMPLES)
    assert gaps(known - {("GET", "/logs")}, EXAMPLES) == ["GET /logs is no route"]


@contextmanager
def lost_table(server: Installation) -> Iterator[None]:
    """The database has no tables of files and uploads."""
    with closing(sqlite3.connect(server.data / "strongroom.db")) as connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        for table in ("node", "upload"):
            connection.execute(f"ALTER TABLE {table} RENAME TO {table}_aside")
        try:
            yield
        finally:
            for table in ("node", "upload"):
                connection.execute(f"ALTER TABLE {table}_aside RENAME TO {table}")


@contextmanager
def lost_ledger(
    server: Installation,
    tables: tuple[str, ...] = ("ledger_checkpoint", "ledger_key"),
    *,
    empty: bool = False,
) -> Iterator[None]:
    """The database has no such tables, or has them but can put nothing there."""
    with closing(sqlite3.connect(server.data / "strongroom.db")) as connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        for table in tables:
            connection.execute(f"ALTER TABLE {table} RENAME TO {table}_aside")
            if empty:
                connection.execute(f"CREATE TABLE {table} AS SELECT * FROM {table}_aside LIMIT 0")
                connection.execute(
                    f"CREATE TRIGGER no_{table} BEFORE INSERT ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'not now'); END"
                )
        try:
            yield
        finally:
            for table in tables:
                connection.execute(f"DROP TABLE IF EXISTS {table}")
                connection.execute(f"ALTER TABLE {table}_aside RENAME TO {table}")


def about(server: Installation, example: Example) -> Example:
    """The example, with what it is about made and named."""
    made = Made(server)
    return replace(
        example,
        target=made.fill(addressed(server, example.target)),
        body=made.fill_bytes(example.body),
        headers={name: made.fill(value) for name, value in example.headers.items()},
    )


def addressed(server: Installation, target: str) -> str:
    """The target, with the record that it speaks of."""
    if "{record}" in target:
        target = target.format(record=server.records("event:file_uploaded")[0]["id"])
    if "{ops}" in target:
        found = send(server, "GET", "/api/v1/records?query=event:request&limit=1").json()
        target = target.format(ops=found["records"][0]["id"])
    if "{signed}" in target:
        target = target.format(signed=server.records("event:file_uploaded")[-1]["id"])
        until_signed(server)
    if "{signedfile}" in target:
        oldest = server.records("event:file_uploaded")[-1]
        target = target.format(signedfile=oldest["file_id"])
        until_signed(server)
    if target.startswith("/ledger/"):
        until_signed(server)
    return target


def until_signed(server: Installation) -> None:
    """Wait until the oldest upload is covered by a checkpoint."""
    seq = server.records("event:file_uploaded")[-1]["seq"]
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = send(server, "GET", "/ledger/checkpoint")
        if answer.status == 200 and int(answer.text.split("\n")[1]) > seq:
            return
        assert time.monotonic() < deadline, "nothing is signed"
        time.sleep(0.05)


CONDITIONS: dict[State, Callable[[Installation], AbstractContextManager[None]]] = {
    State.BROKEN: lost_table,
    State.MUTE: refusing,
    State.BLIND: missing,
    State.UNSIGNED: partial(lost_ledger, empty=True),
    State.TORN: lost_ledger,
    State.HOLLOW: partial(lost_ledger, tables=("ledger_tile",), empty=True),
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[State, Installation]]:
    """A server for each state; what can be put right again is done to one of its own."""
    folder = tmp_path_factory.mktemp("states")
    sound = Installation(folder / "sound").start()
    breakable = Installation(folder / "breakable").start()
    small = Installation(folder / "small", max_upload_bytes=SMALL_LIMIT).start()
    full = Installation(folder / "full", workers=1).start(ulimit=f"-f {FULL_LIMIT // 1024}")
    put(sound, "large.bin", bytes(LARGE))
    for name, damage in (
        ("missing.bin", Path.unlink),
        ("damaged.bin", lambda p: p.write_bytes(b"")),
    ):
        digest = put(sound, name, name.encode())["sha256"]
        [blob] = (sound.data / "objects" / "blobs").rglob(digest)
        damage(blob)
    yield dict.fromkeys(CONDITIONS, breakable) | {
        State.SOUND: sound,
        State.SMALL: small,
        State.FULL: full,
    }
    for server in (sound, breakable, small, full):
        server.stop()


def name_of(example: Example) -> str:
    """For the test's id."""
    tail = "leaves" if example.leaves else example.reason or ""
    return f"{example.method} {example.target[:40]} {example.status} {example.state.name} {tail}"


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=[f"{name_of(e)} {number}" for number, e in enumerate(EXAMPLES)]
)
def test_every_outcome_leaves_its_records(
    servers: dict[State, Installation], example: Example
) -> None:
    server = servers[example.state]
    if send(server, "HEAD", api(FILE)).status == 404:
        put(server, FILE)
    example = about(server, example)
    if example.leaves:
        check_left(server, example)
        return
    condition = CONDITIONS.get(example.state)
    with condition(server) if condition else nullcontext():
        answer = send(server, example.method, example.target, example.body, example.headers)
    assert answer.status == example.status, answer.text
    if example.events is None:
        assert server.records(f"request_id:{answer.request_id}") == []
        return
    told = records_of(server, answer.request_id)
    outcomes = [r for r in told.outcomes if r["event"] not in ASIDE]
    assert [r["event"] for r in outcomes] == list(example.events)
    check_response(example, answer, told.response)
    if example.reason is not None:
        for record in outcomes:
            assert record.get("reason", example.reason) == example.reason
        problem = answer.headers["Content-Type"] == "application/problem+json"
        # The viewer's errors are any application's own, and a HEAD has no body.
        if problem and answer.body and not example.rule.startswith("/logs"):
            assert answer.json()["reason"] == example.reason


def check_response(example: Example, answer: Answer, response: Record) -> None:
    """It says what was sent and what was received, to the byte."""
    assert (response["status"], response["aborted"]) == (example.status, False)
    assert response["bytes_out"] == (0 if example.method == "HEAD" else len(answer.body))
    if example.body is not None and example.status < 400:  # refusals may come before the body
        assert response["bytes_in"] == len(example.body)


def check_left(server: Installation, example: Example) -> None:
    """The client went away; the response says so, and is the only one."""
    agent = name_of(example).replace(" ", "-").replace("/", "-")
    headers = [f"{name}: {value}" for name, value in example.headers.items()]
    if example.body is not None:
        request = head(server, example.method, example.target, agent, *headers,
                       f"Content-Length: {len(example.body)}")  # fmt: skip
        send_and_leave(server, request + example.body[: len(example.body) // 2], "fin")
    else:
        request = head(server, example.method, example.target, agent, *headers)
        read_and_leave(server, request, HALF_A_DOWNLOAD, "rst")
    records = records_of_agent(server, agent)
    assert [r["event"] for r in records] == ["request", *(example.events or ()), "response"]
    response = records[-1]
    assert (response["status"], response["aborted"]) == (example.status, True)
    assert response["duration_ms"] > 0
    if example.body is not None:
        assert response["bytes_in"] == len(example.body) // 2
    else:
        assert HALF_A_DOWNLOAD - 2000 <= response["bytes_out"] < LARGE
