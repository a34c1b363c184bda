"""The route table is walked, in every state of the server, under the production server."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path

import pytest

from strongroom.bootstrap import create_app
from strongroom.settings import load
from tests.fault.leaving import head, read_and_leave, records_of_agent, send_and_leave
from tests.fault.test_journal import missing, refusing
from tests.serving import Installation
from tests.web.completeness import FILE, Example, Route, State, gaps, plain, reasons_of_the_product
from tests.web.examples import EXAMPLES, FULL_LIMIT
from tests.web.expect import expect, records_of
from tests.web.wire import SMALL_LIMIT, api, put, send

ASIDE = {"unhandled_exception", "message_logged"}
"""What the server says of a fault of its own, beside the outcome."""

HALF_A_DOWNLOAD = 100_000


def routes(folder: Path) -> set[Route]:
    """All there are, and those that are nowhere."""
    app = create_app(load(data=folder, log_output="none"))
    try:
        return {
            (method, plain(str(rule)))
            for rule in app.url_map.iter_rules()
            for method in rule.methods or ()
        }
    finally:
        app.extensions["strongroom.audit"].close()


def own(examples: list[Example]) -> list[Example]:
    """Those that are of a route, and not of a method or address that there is not."""
    return [e for e in examples if e.status != 405 and e.rule != "/nowhere"]


def test_nothing_is_left_out(tmp_path: Path) -> None:
    assert gaps(routes(tmp_path), own(EXAMPLES)) == []
    shown = {example.reason for example in EXAMPLES}
    assert reasons_of_the_product() - shown == set()


def test_leaving_out_is_noticed(tmp_path: Path) -> None:
    """The test above can fail: without any one outcome, any one route, or with a new one."""
    known = routes(tmp_path)
    shown = own(EXAMPLES)
    for route in known:
        assert gaps(known, [e for e in shown if e.route != route])
        for outcome in {e.outcome for e in shown if e.route == route}:
            left = [e for e in shown if (e.route, e.outcome) != (route, outcome)]
            assert gaps(known, left), (route, outcome)
    assert gaps({*known, ("GET", "/new")}, shown) == ["GET /new is of no kind"]
    assert gaps(known - {("GET", "/logs")}, shown) == ["GET /logs is no route"]


@contextmanager
def lost_table(server: Installation) -> Iterator[None]:
    """The database has no table of files."""
    with closing(sqlite3.connect(server.data / "strongroom.db")) as connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute("ALTER TABLE file RENAME TO file_aside")
        try:
            yield
        finally:
            connection.execute("ALTER TABLE file_aside RENAME TO file")


CONDITIONS: dict[State, Callable[[Installation], AbstractContextManager[None]]] = {
    State.BROKEN: lost_table,
    State.MUTE: refusing,
    State.BLIND: missing,
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[State, Installation]]:
    """A server for each state; what can be put right again is done to one of its own."""
    folder = tmp_path_factory.mktemp("states")
    sound = Installation(folder / "sound").start()
    breakable = Installation(folder / "breakable").start()
    small = Installation(folder / "small", max_upload_bytes=SMALL_LIMIT).start()
    full = Installation(folder / "full", workers=1).start(ulimit=f"-f {FULL_LIMIT // 1024}")
    put(sound, "large.bin", bytes(64 * 1024 * 1024))
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
    if example.leaves:
        check_left(server, example)
        return
    target = example.target
    if "{record}" in target:
        target = target.format(record=server.records("event:file_uploaded")[0]["id"])
    condition = CONDITIONS.get(example.state)
    with condition(server) if condition else nullcontext():
        answer = send(server, example.method, target, example.body, dict(example.headers))
    assert answer.status == example.status, answer.text
    if example.events is None:
        assert server.records(f"request_id:{answer.request_id}") == []
    elif example.state is State.SOUND:
        reason = {} if example.reason is None else {"reason": example.reason}
        failed = [e for e in example.events if not e.endswith(("_uploaded", "_listed"))]
        expect(server, answer, *example.events, **(reason if len(failed) == 1 else {}))
    else:
        told = records_of(server, answer.request_id)
        assert [r["event"] for r in told.outcomes if r["event"] not in ASIDE] == list(
            example.events
        )
        assert told.response["status"] == example.status
    pages = example.rule.startswith("/logs")  # the viewer's errors are any application's own
    problem = answer.headers["Content-Type"] == "application/problem+json" and answer.body
    if example.reason and problem and not pages:
        assert answer.json()["reason"] == example.reason


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
    assert (records[-1]["status"], records[-1]["aborted"]) == (example.status, True)
    assert records[-1]["duration_ms"] > 0
