"""Names that are paths, orders or markup, on every way by which a file or folder gets one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlencode

import pytest

from tests.attacks.attack import attack
from tests.attacks.callers import FIELDS
from tests.attacks.raw import strange_objects
from tests.serving import Installation
from tests.web.test_names import BAD, PATHS
from tests.web.tus.client import VERSION, metadata
from tests.web.wire import HTML, HTMX, JSON, Answer, api, put, send

SENT = {**FIELDS, **HTML}
NAMES = {case: name for case, (name, _) in (BAD | PATHS).items()} | {
    "windows": "C:\\Windows\\win.ini",
    "share": "\\\\host\\share",
    "dots in a path": "a/../../b",
    "filtered once": "....//....//x",
    "nul at the end": "x.txt\0.png",
    "half a character": "a\ud800b",
    "isolate at the end": "a\u2069",
    "paragraph separator": "a\u2029b",
    "deleted": "a\x7fb",
    "empty": "",
}
"""None of them is the name of anything here."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("names") / "data", workers=1).start()
    yield made
    made.stop()


def form(server: Installation, target: str, **fields: str) -> Answer:
    """A form of ours."""
    body = urlencode(fields, errors="surrogatepass").encode()
    return send(server, "POST", target, body, SENT)


def begin(server: Installation, **meta: str) -> Answer:
    """A resumable upload."""
    told = {"filename": "fine.txt", **meta}
    sent = {**VERSION, "Upload-Length": "4", "Upload-Metadata": metadata(**told)}
    return send(server, "POST", "/tus/", b"", sent)


def move(server: Installation, source: str, target: str) -> Answer:
    """A move by a script."""
    body = json.dumps({"from": source, "to": target}).encode()
    return send(server, "POST", "/api/v1/move", body, {"Content-Type": "application/json"})


def quoted(name: str) -> str:
    return quote(name.encode("utf-8", "surrogatepass"), safe="")


@pytest.fixture(scope="module")
def things(server: Installation) -> dict[str, str]:
    """A file, a folder, and a file in the trash: their ids."""
    made = {"file": put(server, "file.txt")["file_id"], "gone": put(server, "gone.txt")["file_id"]}
    assert send(server, "DELETE", api("gone.txt")).status == 204
    answer = send(server, "PUT", "/api/v1/folders/folder", b"")
    return {**made, "folder": answer.json()["folder_id"]}


Way = Callable[[Installation, dict[str, str], str], Answer]

WAYS: dict[str, Way] = {
    "file renamed": lambda s, t, name: form(s, "/files/rename", node=t["file"], name=name),
    "folder renamed": lambda s, t, name: form(s, "/files/rename", node=t["folder"], name=name),
    "folder made": lambda s, t, name: form(s, "/folders", folder="/", name=name),
    "folder made in": lambda s, t, name: form(s, "/folders", folder=f"/{name}", name="x"),
    "folder put": lambda s, t, name: send(s, "PUT", f"/api/v1/folders/{quoted(name)}", b""),
    "moved to": lambda s, t, name: move(s, "/file.txt", f"/folder/{name}"),
    "moved into": lambda s, t, name: move(s, "/file.txt", f"/{name}/file.txt"),
    "moved from": lambda s, t, name: move(s, f"/{name}", "/fine.txt"),
    "moved by form": lambda s, t, name: form(s, "/files/move", node=t["file"], to=f"/{name}"),
    "restored": lambda s, t, name: send(
        s, "POST", f"/api/v1/trash/{t['gone']}?name={quoted(name)}", b""
    ),
    "restored by form": lambda s, t, name: form(
        s, "/trash/restore", node=t["gone"], name=name or "."
    ),
    "uploaded by tus": lambda s, t, name: begin(s, filename=name),
    "uploaded by tus into": lambda s, t, name: begin(s, folder=f"/{name}"),
    "uploaded by tus below": lambda s, t, name: begin(s, relativePath=f"{name}/fine.txt"),
    "put into": lambda s, t, name: send(s, "PUT", f"/api/v1/files/{quoted(name)}/fine.txt", b"x"),
    "as an id": lambda s, t, name: form(s, "/files/delete", node=name),
}


def state(server: Installation) -> list[object]:
    """What there is."""
    listed = send(server, "GET", "/api/v1/files").json()
    inner = send(server, "GET", "/api/v1/files?folder=/folder").json()
    trash = send(server, "GET", "/api/v1/trash").json()
    return [listed["folders"], listed["files"], inner["files"], inner["folders"], trash]


MEANT = {
    "folder made in": {"empty"},
    "moved by form": {"empty", "half a character"},
    "uploaded by tus into": {"empty"},
    "uploaded by tus below": {"path", "absolute", "empty"},
    "put into": {"path"},
    "folder put": {"empty"},
}
"""Where the folder that is meant is the root, or folders in folders; and half a character can be sent in
JSON alone."""


@attack("CWE-22 path traversal", "CVE-2023-37474 copyparty", "GHSA-9f3r-2vgw-m8xp File Browser")
@pytest.mark.parametrize("way", WAYS)
def test_no_name_is_a_path_or_an_order(
    server: Installation, things: dict[str, str], way: str
) -> None:
    before = state(server)
    for case, name in NAMES.items():
        if case in MEANT.get(way, ()) or (case == "half a character" and "moved " not in way):
            continue
        answer = WAYS[way](server, things, name)
        assert 400 <= answer.status < 500, (case, answer.status, answer.text[-300:])
    assert state(server) == before
    assert strange_objects(server) == []


MARKUP = [
    "<img src=x onerror=alert(1)>", "\"><script>alert(1)<", "' onmouseover='alert(1)", "{{ 7117*9973 }}",
    "{% raw %}", "javascript:alert(1)", "&lt;b&gt;", "<!--", "]]>", "${7117*9973}", "%3Cscript%3E",
]  # fmt: skip
"""Each a name that a folder and a file may have."""


@attack("CWE-79 cross-site scripting", "CVE-2023-38501 copyparty", "CVE-2025-54589 copyparty")
@pytest.mark.parametrize("name", MARKUP)
def test_no_name_is_markup(server: Installation, name: str) -> None:
    """In the pages of folders, the trash, versions, permissions, and in what is asked."""
    folder, inside = (
        quote(name, safe=""),
        f"/api/v1/files/{quote(name, safe='')}/{quote(name, safe='')}",
    )
    made = send(server, "PUT", f"/api/v1/folders/{folder}", b"").json()
    stored = send(server, "PUT", inside, b"1").json()
    replaced = send(server, "PUT", inside, b"2", {"If-Match": f'"{stored["sha256"]}"'})
    assert replaced.status == 204
    node = stored["file_id"]
    pages = ["/", f"/files?folder=/{folder}", f"/files?query={folder}", f"/files/{node}/versions",
             f"/folders/{made['folder_id']}/permissions", f"/files/rename?node={node}",
             f"/files/move?node={node}&folder=/{folder}", f"/folders/new?folder=/{folder}",
             f"/files?folder=/{folder}/none", f"/zip?folder=/{folder}/none"]  # fmt: skip
    renamed = form(server, "/files/rename", node=node, name=f"{name}.", folder=f"/{name}")
    pages.append(renamed.header("Location"))
    deleted = form(server, "/files/delete", node=node, folder=f"/{name}")
    pages += [deleted.header("Location"), "/trash"]
    for page in pages:
        assert page.startswith("/"), page
        for how in (HTML, HTMX):
            answer = send(server, "GET", page, headers=how)
            assert answer.status in (200, 404), (page, answer.status)
            if set(name) & set("<\"'"):
                assert name not in answer.text, page
            assert "70977841" not in answer.text, page
    for target in (f"/files?folder=/{folder}", "/api/v1/trash"):
        assert send(server, "GET", target, headers=JSON).status == 200
    assert send(server, "DELETE", f"/api/v1/folders/{folder}").status == 204
