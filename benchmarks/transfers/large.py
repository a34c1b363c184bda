"""One large body: up by PUT and by tus, down again."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

from benchmarks.table import Row
from benchmarks.transfers import clients
from benchmarks.transfers.content import MIB, Source, size_text
from benchmarks.transfers.servers import Server
from benchmarks.transfers.turns import Readings, take_turns, timed

CHUNK = 128 * 1024
FILES = "/api/v1/files/"


def uploads(
    source: Source, own: Server, other: Server, sink: Server, *, turns: int, tus: bool
) -> list[Row]:
    """A body is on disk: Strongroom against copyparty, and both against no server at all."""
    contenders: dict[str, Callable[[Readings], None]] = {
        "client": lambda found: _to_sink(found, sink, source),
        "disk": lambda found: _alone(found, source),
        "copyparty": lambda found: _to_copyparty(found, other, source),
        "put": lambda found: _to_strongroom(found, own, source, by_tus=False),
    }
    if tus:
        contenders["tus"] = lambda found: _to_strongroom(found, own, source, by_tus=True)
    found = take_turns(turns, contenders, warm=True)
    mib, size, theirs = source.size / MIB, size_text(source.size), found["copyparty"]
    rows = [
        Row(f"upload of {size}: the client, into a sink", mib / found["client"].median, "MiB/s"),
        Row("  no server: SHA-256, write, fsync", mib / found["disk"].median, "MiB/s"),
        Row("  copyparty's PUT: no fsync", mib / theirs.median, "MiB/s", theirs.busy),
        Row("  the same, fsynced afterwards", mib / theirs.median_afterwards, "MiB/s"),
    ]
    for name, kind in (("PUT", "put"), ("tus", "tus")):
        if kind in found:
            ours = found[kind]
            against = (
                f"{theirs.median / ours.median:.2f} × copyparty, goal 1.0; "
                f"{theirs.median_afterwards / ours.median:.2f} × fsynced; {ours.busy}"
            )
            rows.append(Row(f"  Strongroom's {name}", mib / ours.median, "MiB/s", against))
    return rows


def downloads(source: Source, own: Server, other: Server, *, turns: int) -> list[Row]:
    """The same content from both, out of the page cache."""
    source.renew()
    name = _new_name()
    clients.send(own.port, "PUT", FILES + name, source.path).expect(201)
    contenders = {
        "own": partial(_download, own, FILES + name, source.size),
        "other": partial(_download, other, f"/{source.path.name}", source.size),
    }
    found = take_turns(turns, contenders, warm=True)
    mib, size = source.size / MIB, size_text(source.size)
    theirs, ours = found["other"], found["own"]
    against = f"{theirs.median / ours.median:.2f} × nginx, goal 0.7; {ours.busy}"
    return [
        Row(f"download of {size}: nginx, sendfile", mib / theirs.median, "MiB/s", theirs.busy),
        Row("  Strongroom", mib / ours.median, "MiB/s", against),
    ]


def _download(server: Server, path: str, size: int, found: Readings) -> None:
    timed(found, server, partial(clients.fetch, server.port, path, size))


def _to_sink(found: Readings, server: Server, source: Source) -> None:
    timed(found, server, lambda: clients.send(server.port, "PUT", "/", source.path).expect(201))


def _alone(found: Readings, source: Source) -> None:
    """What hash and disk take by themselves, one after the other in one process."""
    source.renew()
    target = source.path.with_name("alone.bin")

    def act() -> None:
        digest, buffer = hashlib.sha256(), memoryview(bytearray(CHUNK))
        with source.path.open("rb", buffering=0) as incoming, target.open("wb", 0) as file:
            while count := incoming.readinto(buffer):
                digest.update(buffer[:count])
                file.write(buffer[:count])
            os.fsync(file.fileno())

    timed(found, None, act)
    _settle(target)
    target.unlink()


def _to_copyparty(found: Readings, server: Server, source: Source) -> None:
    source.renew()
    name = _new_name()
    timed(
        found,
        server,
        lambda: clients.send(server.port, "PUT", f"/{name}", source.path).expect(200, 201),
    )
    stored = server.folder / name
    begun = time.perf_counter()
    _settle(stored)
    found.afterwards.append(found.seconds[-1] + time.perf_counter() - begun)
    if stored.stat().st_size != source.size:
        raise RuntimeError(f"copyparty kept {stored.stat().st_size} of {source.size} bytes")
    stored.unlink()


def _to_strongroom(found: Readings, server: Server, source: Source, *, by_tus: bool) -> None:
    source.renew()
    name = _new_name()

    def act() -> None:
        if by_tus:
            clients.send_by_tus(server.port, name, source.path)
        else:
            clients.send(server.port, "PUT", FILES + name, source.path).expect(201)

    timed(found, server, act)
    stored = clients.ask(server.port, "HEAD", FILES + name).expect(200)
    if stored.fields["ETag"] != f'"{source.sha256}"':
        raise RuntimeError("Strongroom stored something else than what was sent")
    for blob in server.folder.rglob(source.sha256):
        _settle(blob)


def _settle(path: Path) -> None:
    """Fsync a stored file, and have the kernel drop it from memory.

    Else its writing would disturb the next turn, and only whoever comes after a removed file would
    find pages that are ready to be used: on a virtual machine new ones take several times as long.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _new_name() -> str:
    return f"{uuid4().hex}.bin"
