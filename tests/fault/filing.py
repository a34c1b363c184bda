"""Somebody who works with files: what the server said it did, and what may have been under way.

Each person works in a folder of their own, one act after the other, and keeps in mind how it looks
before and after the act. When the server is killed, it must look like one of the two.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import create_engine, text

from tests.fault.contents import content_of
from tests.fault.load import GONE, Client
from tests.fault.stored import database
from tests.serving import Installation
from tests.web.wire import FORM, JSON, Part, form

VERSION = {"Tus-Resumable": "1.0.0"}
PIECE = VERSION | {"Content-Type": "application/offset+octet-stream"}

History = tuple[str, ...]
"""SHA-256 of all contents of a file, sorted, the one that is shown first."""


@dataclass(frozen=True)
class State:
    """What is in somebody's folder, by path below it; and in the trash, by path and history."""

    listed: Mapping[str, History] = field(default_factory=dict)
    trashed: tuple[tuple[str, History], ...] = ()

    def put(self, path: str, history: History) -> State:
        """With that file."""
        return State({**self.listed, path: history}, self.trashed)

    def without(self, path: str) -> State:
        """Without that file."""
        left = {name: history for name, history in self.listed.items() if name != path}
        return State(left, self.trashed)

    def trash(self, path: str) -> State:
        """With that file in the trash."""
        thrown = (*self.trashed, (path, self.listed[path]))
        return State(self.without(path).listed, tuple(sorted(thrown)))

    def restore(self, path: str, history: History) -> State:
        """With that file back from the trash."""
        left = list(self.trashed)
        left.remove((path, history))
        return State({**self.listed, path: history}, tuple(left))


class Person:
    """Works until the server is gone.

    :param folder: their own, at the top
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.state = State()
        self.after: State | None = None
        """If what is under way gets done."""
        self.acts = 0
        self._number = 0

    def work(self, server: Installation, seed: int) -> None:
        """One act after the other, each acknowledged, until the server is gone."""
        chance = random.Random(seed)
        client = Client(server, self.folder)
        try:
            while True:
                self._act(client, chance)
                self.acts += 1
        except GONE:
            return
        finally:
            client.close()

    def settle(self, found: State) -> None:
        """The server is there again: what is found must be one of the two, and counts from now on."""
        assert found in (self.state, self.after), (self.folder, found, self.state, self.after)
        self.state, self.after = found, None

    def _act(self, client: Client, chance: random.Random) -> None:
        acts: list[Callable[[Client, random.Random], None]] = [self._put, self._post, self._tus]
        if self.state.listed:
            acts += [self._replace, self._move, self._move, self._delete]
        if self.state.trashed:
            acts += [self._restore, self._restore]
        chance.choice(acts)(client, chance)

    def _send(
        self,
        client: Client,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        status: int,
        after: State | None = None,
    ) -> Any:
        if after is not None:
            self.after = after
        got, answer = client.send(method, target, body, headers)
        assert got == status, (method, target, got, answer)
        if after is not None:
            self.state, self.after = after, None
        return json.loads(answer) if answer[:1] == b"{" else None

    def _new(self, chance: random.Random) -> tuple[str, str, bytes, State]:
        """Folder and name of a new file, its content, and how it looks with it."""
        self._number += 1
        name = f"{self._number}.bin"
        inner = chance.choice(["", "sub/", "sub/below/"])
        content = content_of(f"{self.folder}/{name}")
        return inner, name, content, self.state.put(inner + name, (_digest(content),))

    def _put(self, client: Client, chance: random.Random) -> None:
        inner, name, content, after = self._new(chance)
        self._send(client, "PUT", self._api(inner + name), content, status=201, after=after)

    def _post(self, client: Client, chance: random.Random) -> None:
        if not self.state.listed:  # a form makes no folders
            self._put(client, chance)
            return
        _, name, content, _ = self._new(chance)
        after = self.state.put(name, (_digest(content),))
        body = form(Part(content, name))
        target = f"/upload?folder=/{self.folder}"
        self._send(client, "POST", target, body, {**FORM, **JSON}, status=201, after=after)

    def _tus(self, client: Client, chance: random.Random) -> None:
        if not self.state.listed:  # its folder must be there
            self._put(client, chance)
            return
        inner, name, content, after = self._new(chance)
        told = {"filename": name, "folder": f"/{self.folder}", "relativePath": inner + name}
        headers = VERSION | {
            "Upload-Length": str(len(content)),
            "Upload-Metadata": ",".join(f"{k} {_base64(v)}" for k, v in told.items()),
        }
        if not content:
            self._send(client, "POST", "/tus/", b"", headers, status=201, after=after)
            return
        self._send(client, "POST", "/tus/", b"", headers, status=201)
        address = client.answered["Location"]
        half = len(content) // 2
        if half:
            first = PIECE | {"Upload-Offset": "0"}
            self._send(client, "PATCH", address, content[:half], first, status=204)
        rest = PIECE | {"Upload-Offset": str(half)}
        self._send(client, "PATCH", address, content[half:], rest, status=204, after=after)

    def _replace(self, client: Client, chance: random.Random) -> None:
        path = chance.choice(sorted(self.state.listed))
        self._number += 1
        content = content_of(f"{self.folder}/{self._number} anew")
        current, *older = self.state.listed[path]
        history = (_digest(content), *sorted([current, *older]))
        headers = {"If-Match": f'"{current}"'}
        after = self.state.put(path, history)
        self._send(client, "PUT", self._api(path), content, headers, status=204, after=after)

    def _move(self, client: Client, chance: random.Random) -> None:
        """To another name, or into another folder that is there."""
        path = chance.choice(sorted(self.state.listed))
        self._number += 1
        folders = {name.rpartition("/")[0] for name in self.state.listed}
        above = chance.choice(sorted(folders))
        target = f"{above}/{self._number}.moved".removeprefix("/")
        after = self.state.without(path).put(target, self.state.listed[path])
        wanted = {"from": f"/{self.folder}/{path}", "to": f"/{self.folder}/{target}"}
        headers = {"Content-Type": "application/json"}
        body = json.dumps(wanted).encode()
        self._send(client, "POST", "/api/v1/move", body, headers, status=200, after=after)

    def _delete(self, client: Client, chance: random.Random) -> None:
        path = chance.choice(sorted(self.state.listed))
        after = self.state.trash(path)
        self._send(client, "DELETE", self._api(path), status=204, after=after)

    def _restore(self, client: Client, _chance: random.Random) -> None:
        """What is newest in the trash of all that was ours; others fill it too."""
        trash = self._send(client, "GET", "/api/v1/trash", status=200)["trash"]
        ours = dict(self.state.trashed)
        mine = f"/{self.folder}"
        for item in trash:
            where = f"{item['folder']}/{item['filename']}"
            path = where.removeprefix(f"{mine}/")
            if where.startswith(f"{mine}/") and path in ours:
                after = self.state.restore(path, ours[path])
                target = f"/api/v1/trash/{item['node_id']}"
                self._send(client, "POST", target, status=200, after=after)
                return
        assert len(trash) == 1_000, (ours, trash)  # as many as are shown

    def _api(self, path: str) -> str:
        return f"/api/v1/files/{self.folder}/{path}"


def stored_state(server: Installation) -> dict[str, State]:
    """What is really there, past the server: by the folders at the top."""
    engine = create_engine(f"sqlite:///{database(server)}")
    try:
        with engine.connect() as connection:
            nodes = connection.execute(text("SELECT * FROM node")).all()
            versions = connection.execute(text("SELECT * FROM file_version")).all()
    finally:
        engine.dispose()
    by_id = {row.node_id: row for row in nodes}
    contents: dict[str, list[str]] = {}
    shown = {row.version_id for row in nodes}
    for row in versions:
        assert (row.replaced_at is None) == (row.version_id in shown), row
        mine = contents.setdefault(row.file_id, [])
        mine.insert(0, row.sha256) if row.version_id in shown else mine.append(row.sha256)
    listed: dict[str, dict[str, History]] = {}
    trashed: dict[str, list[tuple[str, History]]] = {}
    for row in nodes:
        if row.kind == "file":
            top, _, path = _path(row, by_id).partition("/")
            first, *older = contents[row.node_id]
            history = (first, *sorted(older))
            if row.state == "listed":
                listed.setdefault(top, {})[path] = history
            else:
                trashed.setdefault(top, []).append((path, history))
    return {
        top: State(listed.get(top, {}), tuple(sorted(trashed.get(top, []))))
        for top in listed.keys() | trashed.keys()
    }


def _path(row: Any, by_id: Mapping[str, Any]) -> str:
    names = []
    while row.parent_id is not None:
        names.append(row.name)
        row = by_id[row.parent_id]
    return "/".join(reversed(names))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
