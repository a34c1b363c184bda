"""What a log call costs until the record is staged, against structlog alone.

Bare structlog: level, time and context variables, rendered by orjson; no redaction, no catalogue,
no ids. Staged: finished and serialised, ready for the journal.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson
import structlog

from benchmarks.table import Row
from strongroom.audit.events import Outcome
from strongroom.audit.events.web import Response
from strongroom.audit.journal import encode
from strongroom.audit.pipeline import Pipeline
from strongroom.audit.pipeline.clock import new_id
from strongroom.audit.pipeline.context import bind_context
from strongroom.files.events import FileUploaded

REPEATS = 5


def measure(*, quick: bool = False) -> list[Row]:
    """Microseconds for each kind of log call; the best of several rounds."""
    rounds = 2_000 if quick else 20_000
    bind_context(
        request_id=new_id(),
        method="PUT",
        path="/api/v1/files/report.pdf",
        ip_address="10.0.4.17",
        peer_address="10.0.4.17",
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    )
    bare = _best(_bare_structlog(), rounds)
    rows = [Row("bare structlog + orjson", bare, "µs")]
    for name, call in (("ops record", _ops()), ("audit record", _audit())):
        cost = _best(call, rounds)
        rows.append(Row(f"log call to staged {name}", cost, "µs", f"{cost / bare:.2f} × bare"))
    return rows


def _best(call: Callable[[], Any], rounds: int) -> float:
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        for _ in range(rounds):
            call()
        best = min(best, (time.perf_counter() - start) / rounds)
    return best * 1e6


def _bare_structlog() -> Callable[[], Any]:
    logger = structlog.wrap_logger(
        None,
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
            _drop,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
    return lambda: logger.info(
        "response", status=200, duration_ms=1.5, bytes_in=0, bytes_out=512, aborted=False
    )


def _drop(_logger: Any, _method: str, _event: Any) -> Any:
    raise structlog.DropEvent


def _ops() -> Callable[[], Any]:
    pipeline = Pipeline(encode)
    return lambda: pipeline.log(
        Response(
            outcome=Outcome.SUCCESS,
            status=200,
            duration_ms=1.5,
            bytes_in=0,
            bytes_out=512,
            aborted=False,
        )
    )


def _audit() -> Callable[[], Any]:
    pipeline = Pipeline(encode)
    file_id = new_id()
    return lambda: pipeline.log(
        FileUploaded(
            file_id=file_id,
            filename="report.pdf",
            folder="/Reports",
            folder_id=file_id,
            file_size_bytes=1_204_332,
            content_type="application/pdf",
            detected_type="application/pdf",
            sha256="a" * 64,
        )
    )
