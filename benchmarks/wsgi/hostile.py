"""Slow, stalled and vanishing clients: who suffers, and what the application gets to know."""

from __future__ import annotations

import itertools
import time
from typing import Any

from benchmarks.wsgi import clients
from benchmarks.wsgi.app import read_events
from benchmarks.wsgi.report import Lab, Reading, milliseconds
from benchmarks.wsgi.servers import Candidate, Server, running
from benchmarks.wsgi.speed import make_download

MIB = 1024 * 1024
SLOW = 200
HOLDERS = 20
HEALTHY = 8
MANY_THREADS = 128
STALL_LIMIT = 2  # seconds, the time-out that the application sets
PATIENCE = 12  # seconds to wait for something to be noticed

_idents = (f"r{number}" for number in itertools.count())


def slow_connections(candidate: Candidate, lab: Lab) -> list[Reading]:
    """200 connections dribble headers or body while 8 clients do small GETs."""
    seconds = 3.0 if lab.quick else 10.0
    openings = {
        "headers": b"GET /json HTTP/1.1\r\nHost: bench\r\nX-Slow: ",
        "bodies": clients.head("PUT", "/upload?id=slow", "Content-Length: 1000000"),
    }
    readings = []
    for (kind, opening), threads in itertools.product(
        openings.items(), (lab.threads, MANY_THREADS)
    ):
        with (
            running(candidate, lab.folder, threads) as server,
            clients.dribblers(server.port, SLOW, opening),
        ):
            time.sleep(1.0)
            tally = clients.healthy(server.port, HEALTHY, seconds, timeout=2.0)
        readings.append(_experience(f"{SLOW} slow {kind}, {threads} threads", tally))
    return readings


def held_open(candidate: Candidate, lab: Lab) -> list[Reading]:
    """20 clients keep their end open after the last response, while 8 do small GETs."""
    seconds = 3.0 if lab.quick else 10.0
    with (
        running(candidate, lab.folder, lab.threads) as server,
        clients.holders(server.port, HOLDERS),
    ):
        time.sleep(1.0)
        tally = clients.healthy(server.port, HEALTHY, seconds, timeout=2.0)
    return [_experience(f"{HOLDERS} clients that do not hang up", tally)]


def _experience(measure: str, tally: clients.Tally) -> Reading:
    p50, p99 = tally.percentile(0.5), tally.percentile(0.99)
    answered, failed = len(tally.times), tally.failures
    text = f"{answered} answered, {failed} failed"
    if tally.times:
        text += f"; p50 {milliseconds(p50)}, p99 {milliseconds(p99)}"
    figures = {"answered": answered, "failed": failed, "p50_s": p50, "p99_s": p99}
    return Reading(measure, text, figures)


def stalls(candidate: Candidate, lab: Lab) -> list[Reading]:
    """A client falls silent in the headers, in the body, or while it downloads."""
    make_download(lab, 64 * MIB)
    readings = []
    with running(candidate, lab.folder, lab.threads) as server:
        with clients.connect(server.port) as connection:
            connection.sendall(b"GET /json HTTP/1.1\r\nHost: be")
            waited = clients.closed_within(connection, PATIENCE)
        text = f"open after {PATIENCE} s" if waited is None else f"ended after {waited:.1f} s"
        readings.append(Reading("stalled headers", text, {"seconds": waited}))

        ident = next(_idents)
        with clients.connect(server.port) as connection:
            path = f"/upload?id={ident}&timeout={STALL_LIMIT}"
            connection.sendall(clients.head("PUT", path, "Content-Length: 1000000") + b"begin")
            readings.append(_awaited("stalled body", server, "upload", ident, "outcome"))

        ident = next(_idents)
        with clients.connect(server.port) as connection:
            path = f"/download?id={ident}&timeout={STALL_LIMIT}"
            connection.sendall(clients.head("GET", path))
            readings.append(_awaited("stalled download", server, "download", ident, "error"))
    return readings


def _awaited(measure: str, server: Server, event: str, ident: str, key: str) -> Reading:
    begun = time.monotonic()
    found = _wait_event(server, event, ident, PATIENCE)
    waited = time.monotonic() - begun
    if found is None:
        return Reading(measure, f"unnoticed for {PATIENCE} s", {"noticed": False})
    return Reading(
        measure,
        f"noticed after {waited:.1f} s: {found[key]}",
        {"noticed": True, "seconds": waited, "as": found[key]},
    )


def truncated_uploads(candidate: Candidate, lab: Lab) -> list[Reading]:
    """A client leaves after 3 of 100 MB: does the application learn of it?"""
    length = f"Content-Length: {100 * MIB}"
    chunk = b"%x\r\n" % MIB + bytes(MIB) + b"\r\n"
    cases = {
        "known length": ((length,), bytes(3 * MIB)),
        "length, terminated kept": ((length, "X-Keep-Terminated: 1"), bytes(3 * MIB)),
        "chunked": (("Transfer-Encoding: chunked",), chunk * 3),
        "chunked, inside a chunk": (("Transfer-Encoding: chunked",), chunk * 2 + chunk[: MIB // 2]),
    }
    readings = []
    with running(candidate, lab.folder, lab.threads) as server:
        for (case, (fields, body)), end in itertools.product(cases.items(), ("FIN", "RST")):
            ident = next(_idents)
            connection = clients.connect(server.port)
            connection.sendall(clients.head("PUT", f"/upload?id={ident}", *fields) + body)
            time.sleep(0.3)
            if end == "FIN":
                connection.close()
            else:
                clients.reset(connection)
            found = _wait_event(server, "upload", ident, PATIENCE)
            outcome = found["outcome"] if found else "nothing heard"
            noticed = found is not None and outcome != "complete"
            text = f"noticed: {outcome}" if noticed else f"NOT noticed: {outcome}"
            figures = {"noticed": noticed, "as": outcome}
            readings.append(Reading(f"upload cut, {case}, {end}", text, figures))
    return readings


def aborted_downloads(candidate: Candidate, lab: Lab) -> list[Reading]:
    """A client leaves after 1 of 64 MiB: is close() called, and can it tell the abort?"""
    make_download(lab, 64 * MIB)
    readings = []
    with running(candidate, lab.folder, lab.threads) as server:
        for name, option in (("file_wrapper if any", ""), ("blocks", "&iterate=1")):
            ident = next(_idents)
            complete = next(_idents)
            connection = clients.connect(server.port)
            connection.sendall(clients.head("GET", f"/download?id={ident}{option}"))
            received = 0
            while received < MIB:
                received += len(connection.recv(65536))
            clients.reset(connection)
            aborted = _wait_event(server, "download", ident, PATIENCE)
            clients.get(server.port, f"/download?id={complete}{option}")
            whole = _wait_event(server, "download", complete, PATIENCE)
            readings.append(Reading(f"download cut, {name}", _end(aborted), {"event": aborted}))
            readings.append(Reading(f"  the same, complete, {name}", _end(whole), {"event": whole}))
    return readings


def _end(event: dict[str, Any] | None) -> str:
    if event is None:
        return "no close()"
    return f"close(): {event['error'] or 'no error'}, tell() {event['position'] / MIB:.1f} MiB"


def _wait_event(server: Server, event: str, ident: str, seconds: float) -> dict[str, Any] | None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for found in read_events(server.folder):
            if found["event"] == event and found["id"] == ident:
                return found
        time.sleep(0.02)
    return None
