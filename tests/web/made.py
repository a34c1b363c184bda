"""What examples are about: files, folders and uploads that are made for one example alone."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import count
from typing import Final
from urllib.parse import quote

from tests.serving import Installation
from tests.web.tus.client import PIECE, VERSION, TusClient
from tests.web.wire import JSON, PATIENCE, api, head_of, put, send

_NUMBERS: Final = count()
_WORD: Final = re.compile(r"\{(\w+)\}")


class Made:
    """Fills ``{file}``, ``{folder}`` and the like in targets, bodies and headers of one example.

    Each stands for one thing, however often it is named.
    """

    def __init__(self, server: Installation) -> None:
        self.server = server
        self._made: dict[str, str] = {}

    def __getitem__(self, word: str) -> str:
        if word not in self._made:
            self._made[word] = _MAKERS[word](self)
        return self._made[word]

    def fill(self, text: str) -> str:
        """The text with what it is about."""
        return _WORD.sub(lambda hit: self[hit[1]] if hit[1] in _MAKERS else hit[0], text)

    def fill_bytes(self, body: bytes | None) -> bytes | None:
        """The body, likewise."""
        if body is None or b"{" not in body:
            return body
        return self.fill(body.decode("latin-1")).encode("latin-1")

    def store(self, path: str) -> str:
        """The id of a new file."""
        answer = send(self.server, "PUT", f"/api/v1/files/{quote(path)}", path.encode())
        assert answer.status == 201, answer.body
        return str(answer.json()["file_id"])

    def delete(self, path: str) -> None:
        """Put a file into the trash."""
        assert send(self.server, "DELETE", f"/api/v1/files/{quote(path)}").status == 204

    @property
    def tus(self) -> TusClient:
        """Somebody who uploads."""
        return TusClient(self.server)

    def begin(self, length: int | None = 4, name: str | None = None) -> str:
        """The id of a new upload."""
        return self.tus.begin(name or _name(self), length).rsplit("/", 1)[1]


def _name(_made: Made) -> str:
    return f"made-{next(_NUMBERS)}.txt"


def _folder(made: Made) -> str:
    answer = send(made.server, "PUT", f"/api/v1/folders/{made['foldername']}", b"")
    assert answer.status == 201, answer.body
    return str(answer.json()["folder_id"])


def _full_folder(made: Made) -> str:
    name = f"folder-{next(_NUMBERS)}"
    made.store(f"{name}/in it.txt")
    return name


def _with_example(made: Made) -> str:
    name = f"folder-{next(_NUMBERS)}"
    made.store(f"{name}/example.txt")
    return name


def _file(made: Made) -> str:
    return made.store(made["filename"])


def _named(made: Made) -> str:
    name = _name(made)
    put(made.server, name, name.encode())
    return name


def _tag(made: Made) -> str:
    return send(made.server, "HEAD", api(made["named"])).header("ETag")


def _trashed(made: Made) -> str:
    name = _name(made)
    node_id = made.store(name)
    made.delete(name)
    return node_id


def _taken(made: Made) -> str:
    name = _name(made)
    node_id = made.store(name)
    made.delete(name)
    made.store(name)
    return node_id


def _inside(made: Made) -> str:
    name = f"folder-{next(_NUMBERS)}"
    node_id = made.store(f"{name}/a.txt")
    made.delete(f"{name}/a.txt")
    assert send(made.server, "DELETE", f"/api/v1/folders/{name}").status == 204
    return node_id


def _emptied(made: Made) -> str:
    assert send(made.server, "POST", "/trash/empty", b"").status == 303
    return made["trashed"]


def _version(made: Made, file_id: str, which: int) -> str:
    answer = send(made.server, "GET", f"/files/{file_id}/versions", headers=JSON)
    return f"{file_id}/versions/{answer.json()['versions'][which]['version_id']}"


def _old(made: Made) -> str:
    name = _name(made)
    stored = put(made.server, name, b"the first content")
    answer = send(made.server, "PUT", api(name), b"2", {"If-Match": f'"{stored["sha256"]}"'})
    assert answer.status == 204
    return _version(made, stored["file_id"], -1)


def _of(name: str) -> Callable[[Made], str]:
    def version(made: Made) -> str:
        listed = send(made.server, "GET", f"/api/v1/files?query={name}").json()["files"]
        [found] = [item for item in listed if item["filename"] == name]
        return _version(made, found["file_id"], 0)

    return version


def _half(made: Made) -> str:
    upload = made.begin()
    assert made.tus.patch(f"/tus/{upload}", 0, b"ab").status == 204
    return upload


def _cut_off(made: Made) -> str:
    upload = made.begin()
    lines = {**VERSION, **PIECE, "Upload-Offset": "0", "Content-Length": "4"}
    head = head_of("PATCH", f"/tus/{upload}", *(f"{name}: {said}" for name, said in lines.items()))
    with socket.create_connection(("127.0.0.1", made.server.port), timeout=PATIENCE) as sending:
        sending.sendall(head + b"ab")
        sending.shutdown(socket.SHUT_WR)
        while sending.recv(1 << 16):
            pass
    assert made.tus.offset(f"/tus/{upload}") == 2
    return upload


def _expired(made: Made) -> str:
    upload = made.begin()
    with closing(sqlite3.connect(made.server.data / "strongroom.db")) as connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        changed = "UPDATE upload SET expires_at = 1 WHERE upload_id = ?"
        assert connection.execute(changed, (upload,)).rowcount == 1
        connection.commit()
    for path in (made.server.data / "objects" / "uploads").glob(f"{upload}*"):
        os.utime(path, (1, 1))  # nor has anything of it been written lately
    return upload


def _overtaken_by_name(made: Made) -> str:
    name = _name(made)
    upload = made.begin(name=name)
    made.store(name)
    return upload


_MAKERS: Final[dict[str, Callable[[Made], str]]] = {
    "name": _name,
    "filename": _name,
    "foldername": lambda _: f"folder-{next(_NUMBERS)}",
    "file": _file,
    "named": _named,
    "tag": _tag,
    "folder": _folder,
    "fullfolder": _full_folder,
    "trashed": _trashed,
    "taken": _taken,
    "inside": _inside,
    "emptied": _emptied,
    "old": _old,
    "large": _of("large.bin"),
    "missing": _of("missing.bin"),
    "damaged": _of("damaged.bin"),
    "shownid": lambda made: _of("example.txt")(made).partition("/")[0],
    "missingid": lambda made: made["missing"].partition("/")[0],
    "damagedid": lambda made: made["damaged"].partition("/")[0],
    "fullexample": _with_example,
    "upload": Made.begin,
    "half": _half,
    "cutoff": _cut_off,
    "expired": _expired,
    "deferred": lambda made: made.begin(None),
    "unlucky": _overtaken_by_name,
    "huge": lambda made: made.begin(8 * 1024 * 1024 + 1),
}
"""Names, ids, and for versions what follows ``/files/``."""


def as_json(**values: str) -> bytes:
    """A body for :func:`Made.fill_bytes`."""
    return json.dumps(values).encode()
