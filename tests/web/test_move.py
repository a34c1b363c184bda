"""Moving by script: ``POST /api/v1/move``."""

from __future__ import annotations

import json

from tests.serving import Installation
from tests.web.wire import Answer, put, send


def move(server: Installation, source: str, target: str) -> Answer:
    body = json.dumps({"from": source, "to": target}).encode()
    return send(server, "POST", "/api/v1/move", body, {"Content-Type": "application/json"})


def test_a_file_goes_into_the_deepest_folder_and_a_folder_does_not(server: Installation) -> None:
    deepest = "/" + "/".join(["deep"] * 64)
    assert send(server, "PUT", f"/api/v1/files{deepest}/there", b"x").status == 201
    stored = put(server, "on its way")
    moved = move(server, "/on its way", f"{deepest}/arrived")
    assert (moved.status, moved.json()) == (200, {"path": f"{deepest}/arrived"})
    found = send(server, "HEAD", f"/api/v1/files{deepest}/arrived")
    assert found.header("ETag") == f'"{stored["sha256"]}"'
    assert send(server, "PUT", "/api/v1/folders/one%20more").status == 201
    move(server, "/one more", f"{deepest}/one more").problem(400, "path_too_deep")
    move(server, "/deep", "/deep/deep/deeper").problem(409, "folder_into_itself")
