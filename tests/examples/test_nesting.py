"""Several applications and several audit logs: each log records a request once, where it meets it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from strongroom import AuditLog
from strongroom.errors import SettingsError
from tests.examples.apps import events, new_app, records, watched
from tests.examples.conftest import Closing
from tests.examples.running import named

log = structlog.get_logger()
PAIR = ["request", "response"]
THREADS = 8
ROUNDS = 50


@pytest.fixture
def outer(tmp_path: Path) -> Flask:
    app = new_app("outer", tmp_path)

    @app.get("/")
    def index() -> str:
        log.info("seen_outside")
        return "outer"

    return app


@pytest.fixture
def inner(tmp_path: Path) -> Flask:
    app = new_app("inner", tmp_path)

    @app.get("/page")
    def page() -> str:
        log.info("seen_inside")
        return "inner"

    return app


def mount(outer: Flask, inner: Flask) -> None:
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/in": inner})  # type: ignore[method-assign]


def get(app: Flask, path: str) -> list[str]:
    """The request ids in the answer's header."""
    answer = Client(app).get(path, buffered=True)
    assert answer.status_code == 200
    return answer.headers.getlist("X-Request-ID")


def test_the_same_log_for_both_records_once(outer: Flask, inner: Flask, closing: Closing) -> None:
    mount(outer, inner)
    audit = closing(watched(outer))
    audit.init_app(inner)
    (request_id,) = get(outer, "/in/page")
    assert events(audit) == [*PAIR, "seen_inside"]
    for record in records(audit):
        assert (record["request_id"], record["path"]) == (request_id, "/in/page")


def test_two_logs_record_once_each_under_one_id(
    outer: Flask, inner: Flask, closing: Closing
) -> None:
    mount(outer, inner)
    outside, inside = closing(watched(outer)), closing(watched(inner))
    (request_id,) = get(outer, "/in/page")
    assert events(outside) == PAIR
    assert events(inside) == [*PAIR, "seen_inside"]
    for record in records(outside) + records(inside):
        assert (record["request_id"], record["path"]) == (request_id, "/in/page")
    assert {record["app"] for record in records(inside)} == {"inner"}
    assert {record["app"] for record in records(outside)} == {"outer"}


def test_only_the_inner_one_is_watched(outer: Flask, inner: Flask, closing: Closing) -> None:
    mount(outer, inner)
    audit = closing(watched(inner))
    get(outer, "/")
    (request_id,) = get(outer, "/in/page")
    found = [record for record in records(audit) if "request_id" in record]
    assert sorted(record["event"] for record in found) == [*PAIR, "seen_inside"]
    assert {record["request_id"] for record in found} == {request_id}
    (outside,) = named(records(audit), "seen_outside")
    assert "request_id" not in outside  # logged in the process, by nobody who is watched


def test_only_the_outer_one_is_watched(outer: Flask, inner: Flask, closing: Closing) -> None:
    mount(outer, inner)
    audit = closing(watched(outer))
    get(outer, "/in/page")
    assert events(audit) == [*PAIR, "seen_inside"]


def test_what_is_mounted_around_the_watcher_is_outside(
    outer: Flask, inner: Flask, closing: Closing
) -> None:
    audit = closing(watched(outer))
    mount(outer, inner)
    get(outer, "/in/page")
    assert events(audit) == ["seen_inside"]


def test_an_application_that_calls_itself_keeps_its_context(
    outer: Flask, inner: Flask, closing: Closing
) -> None:
    audit = closing(watched(outer))
    other = closing(watched(inner))

    @outer.get("/calls")
    def calls() -> str:
        structlog.contextvars.bind_contextvars(tenant="north")
        get(outer, "/")
        get(inner, "/page")
        log.info("called")
        return "ok"

    (request_id,) = get(outer, "/calls")
    (called,) = named(records(audit), "called")
    assert (called["request_id"], called["path"]) == (request_id, "/calls")
    assert called["extra"] == {"tenant": "north"}
    (closed,) = [r for r in named(records(audit), "response") if r["path"] == "/calls"]
    assert closed["request_id"] == request_id
    (seen,) = named(records(audit), "seen_outside")
    assert (seen["path"], "extra" in seen) == ("/", False)
    assert events(other) == [*PAIR, "seen_inside"]


def test_answers_that_are_read_in_turns_do_not_mix(tmp_path: Path, closing: Closing) -> None:
    app = new_app("app", tmp_path)
    audit = closing(watched(app))

    @app.get("/<name>")
    def stream(name: str) -> Iterator[str]:
        for _ in range(3):
            log.info("part_sent", name=name)
            yield name

    one, two = app.test_client().get("/one"), app.test_client().get("/two")
    parts = zip(one.iter_encoded(), two.iter_encoded(), strict=True)
    assert list(parts) == [(b"one", b"two")] * 3
    one.close()
    two.close()
    found = records(audit)
    sent = named(found, "part_sent")
    assert len(sent) == 6
    for record in sent:
        assert record["path"] == f"/{record['extra']['name']}"
    assert sorted(record["path"] for record in named(found, "response")) == ["/one", "/two"]


def test_one_log_for_several_applications(outer: Flask, inner: Flask, closing: Closing) -> None:
    audit = AuditLog(database="sqlite:///both.db", viewer="/logs")
    closing(audit)
    for app in (outer, inner, outer):  # twice is harmless
        audit.init_app(app)
    get(outer, "/")
    get(inner, "/page")
    assert events(audit) == sorted([*PAIR, *PAIR, "seen_outside", "seen_inside"])
    assert [r["app"] for r in named(records(audit), "request")] == ["outer", "inner"]


def test_a_second_log_for_one_application_is_refused(outer: Flask, closing: Closing) -> None:
    closing(watched(outer))
    with pytest.raises(SettingsError, match="outer has an AuditLog already"):
        AuditLog(outer, viewer=None)


def test_two_applications_side_by_side(outer: Flask, inner: Flask, closing: Closing) -> None:
    first, second = closing(watched(outer)), closing(watched(inner))
    log.info("before_any_request")
    threads = [
        threading.Thread(target=get, args=arguments)
        for arguments in [(outer, "/"), (inner, "/page")] * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert events(first) == sorted([*PAIR, "seen_outside"] * 4 + ["before_any_request"])
    assert events(second) == sorted([*PAIR, "seen_inside"] * 4)

    first.close()  # the other one goes on, and takes what belongs to no request
    get(inner, "/page")
    log.info("after_the_first")
    assert events(second) == sorted([*PAIR, "seen_inside"] * 5 + ["after_the_first"])
    assert "after_the_first" not in events(first)


def test_many_requests_at_once_never_mix(outer: Flask, inner: Flask, closing: Closing) -> None:
    """Mounted, streaming, with context of the application's own, in both logs."""
    together = threading.Barrier(THREADS)

    @inner.get("/stream/<name>")
    def stream(name: str) -> Iterator[str]:
        structlog.contextvars.bind_contextvars(bound=name)
        for _ in range(3):
            log.info("part_sent", name=name)
            yield name

    mount(outer, inner)
    outside, inside = closing(watched(outer)), closing(watched(inner))

    def visit(thread: int) -> None:
        together.wait()
        for number in range(ROUNDS):
            get(outer, f"/in/stream/{thread}-{number}")
            log.info("between")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(visit, range(THREADS)))
    ids: dict[str, str] = {}
    for record in records(outside):
        if record["event"] == "between":
            assert {"request_id", "path", "extra"}.isdisjoint(record)
        else:
            assert ids.setdefault(record["path"], record["request_id"]) == record["request_id"]
    assert len(set(ids.values())) == THREADS * ROUNDS
    found = records(inside)
    assert len(found) == THREADS * ROUNDS * 5
    for record in found:
        assert record["request_id"] == ids[record["path"]]
        if record["event"] == "part_sent":
            name = record["path"].rpartition("/")[2]
            assert record["extra"] == {"name": name, "bound": name}


def test_relative_paths_are_in_the_instance_folder(tmp_path: Path, closing: Closing) -> None:
    app = Flask("app", instance_path=str(tmp_path / "instance"))
    audit = closing(AuditLog(app))
    assert audit.store.path == tmp_path / "instance" / "audit.db"
    assert audit.store.path.exists()
    assert "audit.db" not in {path.name for path in Path.cwd().iterdir()}
