"""The server is stopped in the middle of its work: what was answered is recorded."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable

import pytest

from tests.fault.load import GONE, Client, Sent, check_records
from tests.fault.stored import check_dense, check_sound, incoming, stored_records
from tests.serving import Installation
from tests.web.wire import api

pytestmark = [pytest.mark.fault, pytest.mark.slow]

CLIENTS = 16

SHORTEST, LONGEST = 0.2, 1.1
"""Seconds of load before the signal."""

ROUNDS = 3 if os.environ.get("STRONGROOM_SOAK") else 1
"""Each with a time of load of its own."""

Serve = Callable[..., Installation]


def _work_until_gone(server: Installation, agent: str, sent: list[Sent]) -> None:
    """Requests of several kinds until the server is gone; notes those that were answered."""
    number = 0
    try:
        while True:
            client = Client(server, agent)
            client.sent = sent
            try:
                for _ in range(10):
                    number += 1
                    name = api(f"{agent}-{number}")
                    client.send("PUT", name, name.encode() * 200, event="file_uploaded")
                    client.send("GET", name, event="file_downloaded")
                    client.send("GET", f"/nowhere/{agent}-{number}")
                    client.send("DELETE", name, event="file_deleted")
            finally:
                client.close()
    except GONE:
        return


@pytest.mark.parametrize(
    ("how", "to_all"),
    [(signal.SIGTERM, False), (signal.SIGINT, False), (signal.SIGINT, True)],
    ids=["terminate", "interrupt", "Ctrl-C"],
)
@pytest.mark.parametrize("round_number", range(ROUNDS))
def test_every_answer_has_its_records(
    serve: Serve, how: signal.Signals, to_all: bool, round_number: int
) -> None:
    """A terminal sends Ctrl-C to every process of the server, not to its master alone."""
    server = serve(workers=2, log_output="none")
    runs: list[list[Sent]] = [[] for _ in range(CLIENTS)]
    threads = [
        threading.Thread(target=_work_until_gone, args=(server, f"client-{number}", run))
        for number, run in enumerate(runs)
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + random.uniform(SHORTEST, LONGEST)
    while time.monotonic() < until or sum(map(len, runs)) <= CLIENTS:
        time.sleep(0.01)
    (os.killpg if to_all else os.kill)(server.pid, how)
    assert server._process is not None
    assert server._process.wait(60) == 0
    for thread in threads:
        thread.join()

    sent = [one for run in runs for one in run]
    assert len(sent) > CLIENTS
    records = stored_records(server)
    check_dense(records)
    check_records(records, sent)
    # Under load a worker may still be on its way up when the signal comes; it served nobody.
    started, stopped = (
        {record["pid"] for record in records if record["event"] == event}
        for event in ("application_started", "application_stopped")
    )
    assert started == stopped
    assert started
    assert incoming(server) == []
    check_sound(server)
