"""The client that browsers use, tus-js-client, against a real server; run by Node.js."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from tests.serving import Installation
from tests.web.tus.client import (
    TusClient,
    assert_uploaded,
    events,
    leftovers,
    names_of,
    stored,
)

FRONTEND = Path(__file__).parents[3] / "frontend"
NODE = shutil.which("node")
CHUNK = 500_000
CONTENT = os.urandom(5 * CHUNK - 1)

pytestmark = pytest.mark.skipif(
    NODE is None or not (FRONTEND / "node_modules/tus-js-client").is_dir(),
    reason="needs Node.js and the front end's packages; make assets installs them",
)

Serve = Callable[..., Installation]


@pytest.fixture
def server(serve: Serve) -> Installation:
    return serve()


@contextmanager
def client(server: Installation, folder: Path, **told: object) -> Iterator[IO[str]]:
    """Start an upload of :data:`CONTENT`; what the client says, a line for each event."""
    path = folder / "content.bin"
    path.write_bytes(CONTENT)
    whole = {
        "modules": str(FRONTEND / "package.json"),
        "endpoint": f"{server.url}/tus/",
        "path": str(path),
        "filename": "page.bin",
        "chunkSize": CHUNK,
        **told,
    }
    command = [str(NODE), str(Path(__file__).with_name("client.mjs")), json.dumps(whole)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield running.stdout
        finally:
            running.kill()


def said(server: Installation, folder: Path, **told: object) -> list[dict[str, Any]]:
    """All that a client says until its end."""
    with client(server, folder, **told) as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("told", [{}, {"deferred": True}, {"during": True}])
def test_an_upload(server: Installation, tmp_path: Path, told: dict[str, object]) -> None:
    lines = said(server, tmp_path, **told)
    assert lines[-1]["event"] == "done", lines
    assert_uploaded(server, "page.bin", CONTENT)


def test_resuming_after_the_client_gave_up(server: Installation, tmp_path: Path) -> None:
    storage = str(tmp_path / "urls.json")
    first = said(server, tmp_path, storage=storage, abortAfter=2 * CHUNK)
    assert "done" not in [line["event"] for line in first]
    lines = said(server, tmp_path, storage=storage, resume=True)
    assert lines[0]["accepted"] > 2 * CHUNK
    assert lines[-1]["event"] == "done", lines
    assert stored(server, "page.bin") == CONTENT
    found = names_of(events(server, "page.bin"))
    assert found.count("upload_started") == found.count("file_uploaded") == 1


def test_termination(server: Installation, tmp_path: Path) -> None:
    lines = said(server, tmp_path, abortAfter=CHUNK, terminate=True)
    assert lines[-1]["event"] == "aborted", lines
    address = lines[-1]["url"].removeprefix(server.url)
    assert TusClient(server).send("HEAD", address).status == 404
    assert "upload_aborted" in names_of(events(server, "page.bin"))
    assert leftovers(server) == []


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restart_in_the_middle_is_survived(
    server: Installation, tmp_path: Path, how: str
) -> None:
    with client(server, tmp_path, retries=[100] * 100) as lines:
        assert json.loads(next(lines))["event"] == "chunk"
        getattr(server, how)()
        server.start()
        rest = [json.loads(line) for line in lines]
    assert rest[-1]["event"] == "done", rest
    assert stored(server, "page.bin") == CONTENT
    found = names_of(events(server, "page.bin"))
    assert found.count("upload_started") == found.count("file_uploaded") == 1


def test_a_refusal_reaches_the_page(server: Installation, tmp_path: Path) -> None:
    assert said(server, tmp_path)[-1]["event"] == "done"
    [line] = said(server, tmp_path)
    assert (line["event"], line["status"]) == ("error", 409)
    assert "filename_taken" in line["text"]
