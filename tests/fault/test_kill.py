"""``kill -9`` of every process at random moments, while people work with files, again and again."""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.fault.filing import Person, State, stored_state
from tests.fault.stored import check_dense, check_sound, database, incoming, stored_records
from tests.serving import Installation
from tests.web.wire import api, in_url, send

SOAK = bool(os.environ.get("STRONGROOM_SOAK"))
KILLS = 200 if SOAK else 6
PEOPLE = 6
LONGEST = 0.8
"""Seconds of load before a kill."""

Serve = Callable[..., Installation]


def check_after_restart(server: Installation, people: list[Person]) -> None:
    """What was acknowledged is there, nothing is half done, and all of it is recorded."""
    assert incoming(server) == []
    found = stored_state(server)
    for person in people:
        person.settle(found.pop(person.folder, State()))
    assert found == {}
    for person in people:
        assert shown(server, person.folder) == {
            path: history[0] for path, history in person.state.listed.items()
        }
    verified = server.run("verify", "--files", "--no-record", check=False)
    assert verified.returncode == 0, verified.stdout
    check_sound(server)


def shown(server: Installation, folder: str) -> dict[str, str]:
    """SHA-256 of every file that the server lists in a folder and below, by path below it."""
    found, waiting = dict[str, str](), [f"/{folder}"]
    while waiting:
        here, cursor = waiting.pop(), ""
        while True:
            answer = send(server, "GET", f"/api/v1/files?folder={here}{cursor}")
            if answer.status == 404:
                assert here == f"/{folder}"
                return {}
            page = answer.json()
            waiting += [inner["folder"] for inner in page["folders"]]
            for file in page["files"]:
                path = f"{file['folder']}/{file['filename']}".removeprefix(f"/{folder}/")
                found[path] = file["sha256"]
            if page["next"] is None:
                break
            cursor = f"&cursor={in_url(page['next'])}"
    return found


def check_contents(server: Installation, people: list[Person], chance: random.Random) -> None:
    """Download some; every byte must be there."""
    for person in people:
        paths = sorted(person.state.listed)
        for path in chance.sample(paths, min(3, len(paths))):
            answer = send(server, "GET", f"/api/v1/files/{person.folder}/{path}")
            assert answer.status == 200
            assert hashlib.sha256(answer.body).hexdigest() == person.state.listed[path][0]


def check_records(server: Installation) -> None:
    """Every content of every file has its one record, and every record its content."""
    records = stored_records(server)
    check_dense(records)
    uploads = [record for record in records if record["event"] == "file_uploaded"]
    with closing(sqlite3.connect(database(server))) as connection:
        versions = connection.execute("SELECT file_id, sha256, file_size_bytes FROM file_version")
        assert Counter(versions) == Counter(
            (one["file_id"], one["sha256"], one["file_size_bytes"]) for one in uploads
        )


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.timeout(7_200 if SOAK else 600)
def test_what_was_acknowledged_survives(serve: Serve) -> None:
    """Under uploads of all kinds, replacements, moves, deletions and restorations."""
    seed = int.from_bytes(os.urandom(4))
    print(f"seed {seed}")  # noqa: T201  # shown when the test fails
    chance = random.Random(seed)
    server = serve(workers=2, log_output="none")
    people = [Person(f"person-{number}") for number in range(PEOPLE)]
    for _ in range(KILLS):
        with ThreadPoolExecutor(PEOPLE) as pool:
            working = [
                pool.submit(person.work, server, chance.getrandbits(32)) for person in people
            ]
            time.sleep(chance.uniform(0, LONGEST))
            server.kill()
        for work in working:
            work.result()
        server.start()
        check_after_restart(server, people)
        check_contents(server, people, chance)
    assert sum(person.acts for person in people) > 10 * KILLS
    check_records(server)
    server.stop()
    check_sound(server)


@pytest.mark.fault
def test_killed_while_it_starts(tmp_path: Path) -> None:
    """Also while it makes its database."""
    chance = random.Random()
    server = Installation(tmp_path / "data", workers=2)
    for _ in range(12 if SOAK else 4):

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
