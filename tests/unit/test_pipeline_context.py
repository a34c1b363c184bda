"""Context: each record bears that of its own request, and of no other."""

from __future__ import annotations

import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import structlog

from strongroom.audit.events import Event, Level, Stream, declare
from strongroom.audit.events.system import LogsViewed
from strongroom.audit.pipeline.context import bind_context, clear_context
from tests.unit.making import Capture, capturing_stdlib

THREADS = 16
ROUNDS = 200

log = structlog.get_logger()


def test_context_is_merged_into_every_kind_of_log_call(capture: Capture) -> None:
    bind_context(request_id="r1", method="PUT", path="/a", ip_address="192.0.2.1")
    log.info("cache_warmed")
    capture.pipeline.log(LogsViewed(count=1))
    with capturing_stdlib(capture.pipeline):
        logging.getLogger("library").warning("trouble")
    expected = {"request_id": "r1", "method": "PUT", "path": "/a", "ip_address": "192.0.2.1"}
    assert len(capture.records) == 3
    for record in capture.records:
        assert expected.items() <= record.items()
    assert [stream for _, stream in capture.taken] == [Stream.OPS, Stream.AUDIT, Stream.OPS]


def test_a_new_context_keeps_nothing_of_the_one_before(capture: Capture) -> None:
    bind_context(request_id="r1", user_id="u1")
    structlog.contextvars.bind_contextvars(invoice=7)
    bind_context(request_id="r2", user_id=None)
    log.info("cache_warmed")
    assert capture.only()["request_id"] == "r2"
    assert {"user_id", "extra"}.isdisjoint(capture.only())


def test_a_cleared_context_is_gone(capture: Capture) -> None:
    bind_context(request_id="r1")
    clear_context()
    log.info("cache_warmed")
    assert "request_id" not in capture.only()


def test_what_the_application_binds_is_kept_as_extra(capture: Capture) -> None:
    bind_context(request_id="r1")
    structlog.contextvars.bind_contextvars(invoice=7)
    capture.pipeline.log(LogsViewed(count=1))
    log.bind(tenant="north").info("cache_warmed")
    declared, undeclared = capture.records
    assert declared["extra"] == {"invoice": 7}
    assert undeclared["extra"] == {"invoice": 7, "tenant": "north"}


def test_each_record_has_a_time_and_an_id_of_its_own(capture: Capture) -> None:
    for _ in range(1_000):
        log.info("cache_warmed")
    assert len({record["id"] for record in capture.records}) == 1_000
    for record in capture.records:
        assert UUID(record["id"]).version == 7
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", record["timestamp"])


def test_requests_side_by_side_never_mix(capture: Capture) -> None:
    together = threading.Barrier(THREADS)

    def request(number: int) -> None:
        bind_context(request_id=f"r{number}", path=f"/{number}")
        log.info("work_begun", number=number)
        capture.pipeline.log(LogsViewed(count=number))
        clear_context()
        log.info("work_ended", number=number)

    def thread(first: int) -> None:
        together.wait()
        for number in range(first, first + ROUNDS):
            request(number)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(thread, range(0, THREADS * ROUNDS, ROUNDS)))

    assert len(capture.records) == THREADS * ROUNDS * 3
    for record in capture.records:
        number = record.get("count", record.get("extra", {}).get("number"))
        if record["event"] == "work_ended":
            assert "request_id" not in record
            assert "path" not in record
        else:
            assert (record["request_id"], record["path"]) == (f"r{number}", f"/{number}")


def test_a_thread_of_the_pool_starts_without_context(capture: Capture) -> None:
    bind_context(request_id="r1")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(log.info, "cache_warmed").result()
    assert "request_id" not in capture.only()


def test_who_it_is_in_the_context_is_not_for_a_log_call_to_change(capture: Capture) -> None:
    bind_context(request_id="r1", user_id="u1")
    log.info("cache_warmed", user_id="u2", extra="free")
    structlog.contextvars.bind_contextvars(user_id="u3")  # the application knows better
    log.info("cache_warmed", user_id=None)
    first, second = capture.records
    assert (first["user_id"], first["extra"]) == ("u1", {"user_id": "u2", "extra": "free"})
    assert second["user_id"] == "u3"


@declare("page_printed", stream=Stream.OPS, levels=Level.INFO)
class PagePrinted(Event):
    """A page was printed, in a request or by the night shift."""

    path: str


def test_a_declared_path_is_that_of_the_request_where_there_is_one(capture: Capture) -> None:
    capture.pipeline.log(PagePrinted(path="/night"))
    bind_context(request_id="r1", path="/day")
    capture.pipeline.log(PagePrinted(path="/night"))
    outside, inside = capture.records
    assert outside["path"] == "/night"
    assert (inside["path"], inside["extra"]) == ("/day", {"path": "/night"})
