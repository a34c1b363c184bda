"""Backups of a server under load, and killed ones."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, suppress
from pathlib import Path

import pytest

from strongroom.backup.looking import read_manifest
from strongroom.files.upkeep.collect import collect
from strongroom.objects import LocalObjects
from strongroom.store import Store
from tests.fault.filing import Person
from tests.fault.stored import check_sound, database
from tests.serving import Installation
from tests.starting import start
from tests.unit.backup.office import Office
from tests.web.wire import api, put, send

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

SOAK = bool(os.environ.get("STRONGROOM_SOAK"))
KEPT, PURGED = 30, 30
KILLS = 40 if SOAK else 4


def test_a_server_under_load(serve: Callable[..., Installation], tmp_path: Path) -> None:
    """Uploads, moves, deletions, purges, collection and sealing go on; what is put back holds."""
    server = serve(workers=2, log_output="none")
    kept = {put(server, f"kept/{n}", os.urandom(5_000))["sha256"] for n in range(KEPT)}
    for number in range(PURGED):
        put(server, f"short/{number}", os.urandom(50_000))
    for _ in range(256):  # so that there is something to seal
        assert send(server, "GET", api("kept/0")).status == 200
    _age(server)
    ended = threading.Event()
    people = [Person(f"person-{number}") for number in range(3)]
    with ThreadPoolExecutor(8) as pool:
        working = [pool.submit(person.work, server, number) for number, person in enumerate(people)]
        others = [pool.submit(_purge, server, ended), pool.submit(_seal, server, ended)]
        time.sleep(0.5)
        try:
            for name, more in (("one", ()), ("two", ("--previous", str(tmp_path / "one")))):
                before = _records(server)
                server.run("backup", str(tmp_path / name), "--with-key", *more)
                assert read_manifest(tmp_path / name)[0].records >= before
        finally:
            ended.set()
            wait(others, timeout=60)
            server.kill()  # else those who work would go on
    purged, sealed = (other.result() for other in others)
    for work in working:
        work.result()
    assert sum(person.acts for person in people) > 20
    assert purged
    assert sealed
    for name in ("one", "two"):
        _check_restored(tmp_path / name, tmp_path / f"restored-{name}", kept)


def _check_restored(backup: Path, data: Path, kept: set[str]) -> None:
    manifest, _ = read_manifest(backup)
    assert not manifest.absent
    back = Installation(data, workers=1, log_output="none")
    back.run("restore", str(backup))
    verified = back.run("verify", "--files", check=False)
    assert verified.returncode == 0, verified.stdout
    check_sound(back)
    with closing(sqlite3.connect(database(back))) as connection:
        named = {row[0] for row in connection.execute("SELECT sha256 FROM file_version")}
    assert named >= kept
    stored = {path.name for path in (data / "objects" / "blobs").rglob("*") if path.is_file()}
    assert stored == named
    back.start()
    try:
        assert send(back, "GET", api("kept/0")).status == 200
        assert put(back, "after.txt", b"after")
    finally:
        back.stop()
    assert back.run("verify", check=False).returncode == 0


def _age(server: Installation) -> None:
    """Let all content be older than what the collection lets be."""
    for path in (server.data / "objects" / "blobs").rglob("*"):
        if path.is_file():
            os.utime(path, (0, time.time() - 3_600))


def _purge(server: Installation, ended: threading.Event) -> int:
    """Delete files for good, and their content at once; how many."""
    store, objects = Store(f"sqlite:///{database(server)}"), LocalObjects(server.data / "objects")
    count = 0
    try:
        for number in range(PURGED):
            if ended.wait(0.05):
                break
            assert send(server, "DELETE", api(f"short/{number}")).status == 204
            [node] = [
                one["node_id"]
                for one in send(server, "GET", "/api/v1/trash").json()["trash"]
                if one["filename"] == str(number) and one["folder"] == "/short"
            ]
            assert send(server, "DELETE", f"/api/v1/trash/{node}").status == 204
            count += collect(store, objects, grace=1_800)
    finally:
        store.close()
    return count


def _seal(server: Installation, ended: threading.Event) -> int:
    """Seal what can be sealed, again and again; how many segments."""
    count = 0
    while not ended.is_set():
        done = server.run("log", "seal", "--all", "--stream", "audit", "--json")
        count += len(done.stdout.splitlines())
    return count


def _records(server: Installation) -> int:
    with closing(sqlite3.connect(database(server))) as connection:
        row = connection.execute("SELECT next_seq FROM journal_head WHERE stream = 'audit'")
        return int(row.fetchone()[0])


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Some 6 MiB in 60 files."""
    made = Office(tmp_path / "data")
    for number in range(60):
        made.put(f"/a/{number}.bin", bytes([number]) * 100_000)
    made.sign()
    yield made
    made.close()


def _run_and_kill(seconds: float, *arguments: str, data: Path) -> int:
    """Run a command, and kill it after so long; how it ended."""
    server = Installation(data)
    log = data.parent / "killed.log"
    running = start(list(arguments), server.environment(), data.parent, log, log)
    time.sleep(seconds)
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    return running.wait(30)


def test_killed_while_it_is_made(office: Office, tmp_path: Path) -> None:
    """There is a whole backup, or none."""
    chance, ends, target = random.Random(), list[int](), tmp_path / "backup"
    for number in range(KILLS):
        seconds = chance.uniform(0.05, 0.1 + 1.4 * number / KILLS)
        ends.append(_run_and_kill(seconds, "backup", str(target), data=office.data))
        if target.exists():
            manifest, _ = read_manifest(target)
            assert all((target / name).is_file() for name in manifest.entries)
            shutil.rmtree(target)
    assert -signal.SIGKILL in ends
    assert office.run("backup", target).exit_code == 0
    assert not list(tmp_path.glob(".backup.partial-*"))
    assert Installation(tmp_path / "back").run("restore", str(target)).returncode == 0


def test_killed_while_it_is_put_back(office: Office, tmp_path: Path) -> None:
    """There is an installation that holds, or none that a server would take for one."""
    assert office.run("backup", tmp_path / "backup").exit_code == 0
    chance, ends, place = random.Random(), list[int](), tmp_path / "back"
    for number in range(KILLS):
        seconds = chance.uniform(0.05, 0.1 + 2 * number / KILLS)
        ends.append(_run_and_kill(seconds, "restore", str(tmp_path / "backup"), data=place))
        if (place / "strongroom.db").exists():
            assert Installation(place).run("verify", "--files", check=False).returncode == 0
            shutil.rmtree(place)
    assert -signal.SIGKILL in ends
    back = Installation(place)
    if not (place / "strongroom.db").exists():
        back.run("restore", str(tmp_path / "backup"))
    assert back.run("verify", "--files", check=False).returncode == 0
    assert not (place / ".restoring").exists()
