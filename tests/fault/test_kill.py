"""``kill -9`` of every process at random moments, under upload load, again and again."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fault.contents import check_content, content_of, listed
from tests.fault.load import GONE, Client
from tests.fault.stored import check_dense, check_sound, incoming, stored_records
from tests.serving import Installation
from tests.web.wire import FORM, JSON, Part, api, form, send

SOAK = bool(os.environ.get("STRONGROOM_SOAK"))
KILLS = 50 if SOAK else 12
UPLOADERS = 6
LONGEST = 0.8
"""Seconds of load before a kill."""

Serve = Callable[..., Installation]


@dataclass
class Acknowledged:
    """What the server said it stored, and what was on its way when it died."""

    stored: dict[str, str] = field(default_factory=dict)
    """SHA-256 by name."""
    unsure: set[str] = field(default_factory=set)

    def upload(self, server: Installation, prefix: str) -> None:
        """Upload until the server is gone."""
        client = Client(server, prefix)
        number = 0
        try:
            while True:
                number += 1
                name = f"{prefix}-{number}"
                self.unsure.add(name)
                if number % 5:
                    status, answer = client.send("PUT", api(name), content_of(name))
                else:
                    body = form(Part(content_of(name), name))
                    status, answer = client.send("POST", "/upload", body, {**FORM, **JSON})
                assert status == 201, answer
                self.stored[name] = hashlib.sha256(content_of(name)).hexdigest()
                self.unsure.discard(name)
        except GONE:
            return
        finally:
            client.close()


def check_after_restart(server: Installation, acknowledged: Acknowledged) -> None:
    """What was acknowledged is there, what is there has its record, and nothing else."""
    assert incoming(server) == []
    files = listed(server)
    for name, digest in acknowledged.stored.items():
        assert files[name][1] == digest, name
    assert files.keys() - acknowledged.stored.keys() <= acknowledged.unsure
    records = stored_records(server)
    check_dense(records)
    uploads = [record for record in records if record["event"] == "file_uploaded"]
    recorded = {r["filename"]: (r["file_id"], r["sha256"]) for r in uploads}
    assert len(uploads) == len(recorded)
    assert recorded == files
    # What arrived although nobody was told is a file like any other from now on.
    for name in files.keys() - acknowledged.stored.keys():
        acknowledged.stored[name] = files[name][1]
        acknowledged.unsure.discard(name)


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_was_acknowledged_survives(serve: Serve) -> None:
    seed = int.from_bytes(os.urandom(4))
    print(f"seed {seed}")  # noqa: T201  # shown when the test fails
    chance = random.Random(seed)
    server = serve(workers=2, log_output="none")
    acknowledged = Acknowledged()
    for kill in range(KILLS):
        threads = [
            threading.Thread(target=acknowledged.upload, args=(server, f"{kill}-{number}"))
            for number in range(UPLOADERS)
        ]
        for thread in threads:
            thread.start()
        time.sleep(chance.uniform(0, LONGEST))
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
        check_after_restart(server, acknowledged)
        names = sorted(acknowledged.stored)
        check_content(server, chance.sample(names, min(5, len(names))))
    assert len(acknowledged.stored) > 10 * KILLS
    check_content(server, sorted(acknowledged.stored))
    check_sound(server)
    server.stop()
    check_sound(server)


@pytest.mark.fault
def test_killed_while_it_starts(tmp_path: Path) -> None:
    """Also while it makes its database."""
    chance = random.Random()
    server = Installation(tmp_path / "data", workers=2)
    for _ in range(12 if SOAK else 6):

        def start() -> None:
            with suppress(AssertionError):  # the harness waits for a server that is killed
                server.start()

        starting = threading.Thread(target=start)
        before = server._process
        starting.start()
        while server._process is before:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 1.2))
        server.kill()
        starting.join()
    server.start()
    try:
        assert send(server, "PUT", api("at last"), b"x").status == 201
        check_sound(server)
    finally:
        server.stop()
    check_dense(stored_records(server))
