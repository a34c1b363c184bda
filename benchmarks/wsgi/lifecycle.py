"""Stopping and dying: what is lost, and who goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

from benchmarks.wsgi import clients
from benchmarks.wsgi.app import read_events
from benchmarks.wsgi.report import Lab, Reading
from benchmarks.wsgi.servers import Candidate, Server, answers, group_members, running

CLIENTS = 16
KILL_WATCH = 8.0


class Load:
    """Clients with kept-alive connections that send /work without a pause until stopped."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self._unanswered: list[set[str]] = [set() for _ in range(CLIENTS)]
        self._threads = [
            threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def unanswered(self) -> set[str]:
        """Requests that were sent and got no whole answer."""
        return set().union(*self._unanswered)

    def _client(self, number: int) -> None:
        unanswered, count = self._unanswered[number], 0
        while not self._stop.is_set():
            try:
                with clients.connect(self._port, 20.0) as connection:
                    again = True
                    while again and not self._stop.is_set():
                        count += 1
                        ident = f"{number}-{count}"
                        unanswered.add(ident)
                        again = clients.exchange(connection, clients.head("GET", f"/work?{ident}"))
                        unanswered.discard(ident)
            except ConnectionRefusedError:
                return
            except OSError:
                continue


def graceful_stops(candidate: Candidate, lab: Lab) -> list[Reading]:
    """SIGTERM under load, many times: requests that began and whose close() never came."""
    stops = 3 if lab.quick else 20
    begun = lost = bad_stops = cut = turned_away = overdue = 0
    longest = 0.0
    for _ in range(stops):
        with running(candidate, lab.folder, lab.threads) as server, Load(server.port) as load:
            time.sleep(0.7)
            at = time.monotonic()
            overdue += not server.terminate()
            longest = max(longest, time.monotonic() - at)
        events = read_events(lab.folder)
        opened = {event["id"] for event in events if event["event"] == "begin"}
        unclosed = opened - {event["id"] for event in events if event["event"] == "close"}
        unanswered = load.unanswered()
        begun += len(opened)
        lost += len(unclosed)
        bad_stops += bool(unclosed)
        cut += len(unanswered & opened)
        turned_away += len(unanswered - opened)
    text = f"{lost} close() lost in {bad_stops} of {stops}; {cut} answers cut; {longest:.1f} s"
    figures = {
        "stops": stops,
        "stops_with_loss": bad_stops,
        "closes_lost": lost,
        "requests_begun": begun,
        "begun_but_unanswered": cut,
        "sent_but_never_begun": turned_away,
        "stops_overdue": overdue,
        "longest_stop_s": longest,
    }
    return [
        Reading(f"{stops} graceful stops under load", text, figures),
        Reading("  sent while stopping, never begun", f"{turned_away} of {begun:,}", figures),
    ]


def killed_worker(candidate: Candidate, lab: Lab) -> list[Reading]:
    """kill -9 of one worker, with the server's own default and told to respawn."""
    readings = []
    for respawn in (False, True):
        with running(candidate, lab.folder, lab.threads, respawn=respawn) as server:
            before = server.workers()
            os.kill(before[0], signal.SIGKILL)
            served, failed = _watch(server, KILL_WATCH)
            alive = server.process.poll() is None
            after = server.workers()
            serves = answers(server.port)
        state = "goes on" if alive else "server ENDED"
        if not alive and after:
            state += f", {len(after)} orphans" + (" still serve" if serves else "")
        text = f"{state}; {len(after)} of {len(before)} workers; {failed} of {served} GETs failed"
        figures = {
            "main_process_alive": alive,
            "workers_before": len(before),
            "workers_after": len(after),
            "serves_after": serves,
            "gets": served,
            "gets_failed": failed,
        }
        kind = "told to respawn" if respawn else "as by default"
        readings.append(Reading(f"kill -9 of a worker, {kind}", text, figures))
    return readings


def killed_main(candidate: Candidate, lab: Lab) -> list[Reading]:
    """kill -9 of the main process: do its workers end, or go on without it?"""
    with running(candidate, lab.folder, lab.threads) as server:
        group = server.process.pid
        with contextlib.suppress(ProcessLookupError):
            os.kill(group, signal.SIGKILL)
        server.process.wait()
        begun = time.monotonic()
        while group_members(group) and time.monotonic() - begun < KILL_WATCH:
            time.sleep(0.05)
        waited, orphans = time.monotonic() - begun, len(group_members(group))
        serves = answers(server.port)
    text = f"workers end after {waited:.1f} s"
    if orphans:
        text = f"{orphans} orphans after {waited:.0f} s" + (", still serving" if serves else "")
    figures = {"orphans": orphans, "serves": serves, "seconds": waited}
    return [Reading("kill -9 of the main process", text, figures)]


def _watch(server: Server, seconds: float) -> tuple[int, int]:
    sent = failed = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sent += 1
        failed += not answers(server.port, timeout=1.0)
        time.sleep(0.02)
    return sent, failed
