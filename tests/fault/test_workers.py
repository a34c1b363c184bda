"""One process of the server dies: the others serve on, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault.contents import check_content, content_of, listed
from tests.fault.load import GONE, Client
from tests.fault.stored import check_dense, check_sound, incoming, stored_records
from tests.serving import Installation
from tests.web.wire import PATIENCE, api, put, send

pytestmark = pytest.mark.fault

Serve = Callable[..., Installation]


def workers(server: Installation) -> set[int]:
    """The worker processes."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    return {int(pid) for pid in children.read_text().split()}


def until(true: Callable[[], bool]) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _upload_until(server: Installation, stop: threading.Event, prefix: str, done: set[str]) -> None:
    """Upload; whoever's worker is killed connects again, as clients do."""
    number = 0
    while not stop.is_set():
        client = Client(server, prefix)
        try:
            while not stop.is_set():
                number += 1
                name = f"{prefix}-{number}"
                status, answer = client.send("PUT", api(name), content_of(name))
                assert status == 201, answer
                done.add(name)
        except GONE:
            continue
        finally:
            client.close()


@pytest.mark.slow
def test_a_killed_worker_is_replaced(serve: Serve) -> None:
    server = serve(workers=2, log_output="none")
    stop, done = threading.Event(), set[str]()
    uploaders = [
        threading.Thread(target=_upload_until, args=(server, stop, f"uploader-{number}", done))
        for number in range(4)
    ]
    for thread in uploaders:
        thread.start()
    killed: set[int] = set()
    for _ in range(6):
        until(lambda: len(workers(server) - killed) == 2)
        victim = min(workers(server) - killed)
        os.kill(victim, signal.SIGKILL)
        killed.add(victim)
        before = len(done)
        # The other serves on, with the write lock that the victim may have held.
        until(lambda before=before: len(done) > before + 20)  # type: ignore[misc]
    until(lambda: len(workers(server) - killed) == 2)
    alive = workers(server)
    until(lambda: {_serving(server) for _ in range(20)} == alive)
    stop.set()
    for thread in uploaders:
        thread.join()

    files = listed(server)
    assert done <= files.keys()
    check_content(server, sorted(done)[::20])
    server.stop()
    records = stored_records(server)
    check_dense(records)
    uploaded = {r["filename"] for r in records if r["event"] == "file_uploaded"}
    assert uploaded == files.keys()
    check_sound(server)
    server.start()
    assert incoming(server) == []


def _serving(server: Installation) -> int:
    """The worker that happens to answer."""
    answer = send(server, "GET", "/nowhere")
    pid: int = server.outcome(answer.request_id)[-1]["pid"]
    return pid


def test_workers_do_not_outlive_the_server(serve: Serve) -> None:
    """Orphans would go on writing into a folder that another server may hold by then."""
    server = serve(workers=2)
    put(server, "before.txt", b"before")
    orphans = workers(server)
    os.kill(server.pid, signal.SIGKILL)
    assert server._process is not None
    server._process.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans))
    server.start()
    assert send(server, "GET", api("before.txt")).body == b"before"
    put(server, "after.txt")
    check_sound(server)
