"""Whoever may read and no more, or write and no more, finds no act that does more all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from strongroom.permissions import Permission
from tests.attacks.attack import attack
from tests.attacks.callers import FIELDS, bearer, household
from tests.attacks.shared import ROOT, Estate, as_somebody
from tests.web.household import Household
from tests.web.tus.client import PIECE, VERSION, metadata
from tests.web.wire import FORM, HTML, HTMX, JSON, Answer, Part, form

SENT = {**FIELDS, **HTML}
DATA = {"Content-Type": "application/json", **JSON}
Request = tuple[str, str, bytes | None, dict[str, str]]


@dataclass
class Scene:
    """Mia reads in ``/Library``, writes in ``/Desk`` and manages ``/Own``."""

    house: Household
    estate: Estate
    mia: dict[str, str]
    tag: str
    version: str

    def ask(self, request: Request) -> Answer:
        """A request of hers."""
        method, target, body, headers = request
        return as_somebody(self.house, {**headers, **self.mia}, method, target, body)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    for house in household(tmp_path_factory, "rights"):
        house.add("Nora")
        estate = Estate(house)
        estate.permit("/", everyone="read", Nora="manage")
        estate.folder("/Library", everyone="read", Nora="manage")
        estate.folder("/Desk", everyone="write", Nora="manage")
        estate.folder("/Own", Mia="manage")
        estate.folder("/Library/Shelf")
        for path in (
            "/Library/book.txt",
            "/Library/Shelf/atlas.txt",
            "/Desk/mine.txt",
            "/Own/x.txt",
        ):
            estate.file(path, path.encode())
        version = estate.replaced("/Library/book.txt", b"second edition")
        for path in ("/Library/torn.txt", "/Desk/torn.txt"):
            estate.file(path)
            assert estate.ask("DELETE", f"/api/v1/files{path}").status == 204
        tag = estate.ask("HEAD", "/api/v1/files/Library/book.txt").header("ETag")
        yield Scene(house, estate, house.headers(house.enter("Mia")), tag, version)


def fields(**values: str) -> bytes:
    return urlencode(values).encode()


def changes(scene: Scene) -> Iterator[Request]:
    """Every act on what may only be read."""
    tag = scene.tag
    path = "/api/v1/files/Library/book.txt"
    for more in ({}, {"If-Match": tag}, {"If-Match": '"0"'}, {"If-None-Match": "*"}):
        yield "PUT", path, b"x", {**JSON, **more}
    for where in ("new.txt", "new/x.txt", "Shelf/new.txt", "Shelf/new/x.txt"):
        yield "PUT", f"/api/v1/files/Library/{where}", b"x", JSON
    for override in ({}, {"X-HTTP-Method-Override": "PUT"}):
        yield "DELETE", path, None, {**JSON, **override}
        yield "POST", "/delete/Library/book.txt", b"", {**HTML, **override}
    yield "DELETE", "/delete/Library/book.txt", None, HTMX
    yield "DELETE", "/api/v1/folders/Library", None, JSON
    yield "DELETE", "/api/v1/folders/Library/Shelf", None, JSON
    yield "PUT", "/api/v1/folders/Library/new", b"", JSON
    for source, target in (
        ("/Library/book.txt", "/Library/renamed.txt"),
        ("/Library/book.txt", "/Desk/stolen.txt"),
        ("/Library/Shelf", "/Desk/Shelf"),
        ("/Library/Shelf", "/Library/Rack"),
        ("/Library", "/Desk/Library"),
        ("/Library", "/Bookshop"),
        ("/Desk/mine.txt", "/Library/book.txt"),
        ("/Desk/mine.txt", "/Library/mine.txt"),
        ("/Desk/mine.txt", "/mine.txt"),
    ):
        yield "POST", "/api/v1/move", json.dumps({"from": source, "to": target}).encode(), DATA


def changes_by_id(scene: Scene) -> Iterator[Request]:
    """The same by ids, in forms."""
    ids = scene.estate.ids
    book, shelf, torn = (ids[f"/Library/{name}"] for name in ("book.txt", "Shelf", "torn.txt"))
    mine, library = ids["/Desk/mine.txt"], ids["/Library"]
    for node in (book, shelf):
        yield "POST", "/files/rename", fields(node=node, name="x"), SENT
        yield "POST", "/files/move", fields(node=node, to="/Desk"), SENT
        yield "POST", "/files/move", fields(node=node, to="/Library/Shelf", folder="/Desk"), SENT
        yield "POST", "/files/delete", fields(node=node), SENT
        yield "POST", "/files/delete", urlencode([("node", mine), ("node", node)]).encode(), SENT
    yield "POST", "/files/move", fields(node=mine, to="/Library"), SENT
    yield "POST", "/files/move", fields(node=mine, to="/"), SENT
    for target in ("/files/restore", "/trash/restore", "/trash/purge"):
        yield "POST", target, fields(node=torn), SENT
        yield "POST", target, fields(node=torn, name="book.txt"), SENT
    yield "POST", f"/api/v1/trash/{torn}", b"", JSON
    yield "POST", f"/api/v1/trash/{torn}?name=other.txt", b"", JSON
    yield "DELETE", f"/api/v1/trash/{torn}", None, JSON
    yield "POST", f"/files/{book}/versions/{scene.version}", b"", SENT
    for folder in (library, shelf, ROOT):
        yield "GET", f"/folders/{folder}/permissions", None, HTML
        for given in ({"permission-everyone": "manage"}, {f"permission-{scene.house.ids['Mia']}": "manage"},
                      {"inherit": "1"}):  # fmt: skip
            yield "POST", f"/folders/{folder}/permissions", fields(**given), SENT


def additions(scene: Scene) -> Iterator[Request]:
    """What would be new there."""
    tag = scene.tag
    yield "POST", "/folders", fields(folder="/Library", name="new"), SENT
    yield "GET", "/folders/new?folder=/Library", None, HTML
    for name in ("new.txt", "book.txt"):
        yield "POST", "/upload?folder=/Library", form(Part(b"x", name)), {**FORM, **JSON}
        for meta in (
            metadata(filename=name, folder="/Library"),
            metadata(filename=name, folder="/Library", replace=tag.strip('"')),
            metadata(filename=name, folder="/", relativePath=f"Library/{name}"),
            metadata(filename=name, folder="/", relativePath=f"Library/new/{name}"),
        ):
            told = {**VERSION, "Upload-Length": "1", "Upload-Metadata": meta}
            yield "POST", "/tus/", b"", told
            yield "POST", "/tus/", b"x", {**told, **PIECE}


@attack("CWE-863 incorrect authorization", "CVE-2026-29188 File Browser")
def test_a_reader_changes_nothing(scene: Scene) -> None:
    before = scene.estate.state()
    for request in (*changes(scene), *changes_by_id(scene), *additions(scene)):
        answer = scene.ask(request)
        assert answer.status == 403, (request, answer.status, answer.text[-300:])
    assert scene.ask(("POST", "/trash/empty", b"", SENT)).status == 303  # of hers, nothing
    # The addresses of uploads are no addresses of files.
    ids = scene.estate.ids
    for node in (
        ids["/Library/book.txt"],
        ids["/Library"],
        ids["/Library/torn.txt"],
        scene.version,
    ):
        for method in ("DELETE", "HEAD", "PATCH"):
            sent = {**VERSION, **PIECE, "Upload-Offset": "0"}
            body = b"x" if method == "PATCH" else None
            assert scene.ask((method, f"/tus/{node}", body, sent)).status == 404
    assert scene.estate.state() == before


@attack("CWE-863 incorrect authorization", "CVE-2026-29188 File Browser")
def test_a_reader_reads(scene: Scene) -> None:
    """The suite's own check: it is the right to change that is missing."""
    for target in ("/api/v1/files/Library/book.txt", "/zip?folder=/Library", "/files?folder=/Library",
                   f"/files/{scene.estate.ids['/Library/book.txt']}/versions"):  # fmt: skip
        assert scene.ask(("GET", target, None, JSON)).status == 200, target


@attack("CWE-863 incorrect authorization", "CVE-2026-29188 File Browser")
def test_a_writer_neither_purges_nor_shares(scene: Scene) -> None:
    before = scene.estate.state()
    torn, desk = scene.estate.ids["/Desk/torn.txt"], scene.estate.ids["/Desk"]
    mia = f"permission-{scene.house.ids['Mia']}"
    for request in (
        ("POST", "/trash/purge", fields(node=torn), SENT),
        ("DELETE", f"/api/v1/trash/{torn}", None, JSON),
        ("GET", f"/folders/{desk}/permissions", None, HTML),
        ("POST", f"/folders/{desk}/permissions", fields(**{mia: "manage"}), SENT),
        ("POST", f"/folders/{desk}/permissions", fields(inherit="1"), SENT),
    ):
        answer = scene.ask(request)
        assert answer.status == 403, (request, answer.text[-300:])
    assert scene.ask(("POST", "/trash/empty", b"", SENT)).status == 303
    assert scene.estate.state() == before


@attack("CWE-269 improper privilege management")
def test_a_manager_gives_no_more_than_there_is(scene: Scene) -> None:
    """Of one folder: not of the one above it, not to nobody, and not away from herself."""
    before = scene.estate.state()
    own, mia = scene.estate.ids["/Own"], scene.house.ids["Mia"]
    for given, status in (
        ({f"permission-{mia}": "read", "permission-everyone": "write"}, 409),
        ({f"permission-{mia}": "none", "permission-everyone": "write"}, 409),
        ({"inherit": "1"}, 409),
        ({f"permission-{mia}": "none"}, 400),
        ({f"permission-{mia}": "owner"}, 400),
        ({f"permission-{mia}": "MANAGE"}, 400),
        ({f"permission-{mia}": "manage", "permission-nobody": "read"}, 400),
        ({f"permission-{mia}": "manage", "permission-' OR 1=1 --": "read"}, 400),
        ({f"permission-{mia}": "manage", f"permission-{mia.upper()}": "read"}, 400),
        ({f"permission-{mia}": "manage", f"permission-{ROOT}": "read"}, 400),
        ({"permission-": "manage"}, 400),
        ({mia: "manage", "role": "admin", "folder_id": ROOT}, 400),
    ):
        answer = scene.ask(("POST", f"/folders/{own}/permissions", fields(**given), SENT))
        assert answer.status == status, (given, answer.text[-300:])
    more = fields(**{f"permission-{mia}": "manage", "folder_id": ROOT, "folder": "/"})
    assert scene.ask(("POST", f"/folders/{own}/permissions", more, SENT)).status == 303
    assert scene.estate.state() == before


@attack("CWE-200 exposure of sensitive information")
def test_who_only_writes_is_not_told_what_is_there(scene: Scene) -> None:
    """That a name is in use must be said; not what its file holds."""
    estate = scene.estate
    estate.file("/Desk/taken.txt", b"a secret that can be guessed")
    moved = json.dumps({"from": "/Desk/other.txt", "to": "/Desk/taken.txt"}).encode()
    estate.file("/Desk/other.txt")
    page = form(Part(b"x", "taken.txt"))
    begun = {
        **VERSION,
        "Upload-Length": "1",
        "Upload-Metadata": metadata(filename="taken.txt", folder="/Desk"),
    }
    tries: list[Request] = [
        ("PUT", "/api/v1/files/Desk/taken.txt", b"x", JSON),
        ("PUT", "/api/v1/files/Desk/taken.txt", b"x", {**JSON, "If-None-Match": "*"}),
        ("POST", "/api/v1/move", moved, DATA),
        ("POST", "/upload?folder=/Desk", page, {**FORM, **JSON}),
        ("POST", "/tus/", b"", begun),
    ]
    for scopes, tells in (
        ((Permission.FILES_WRITE,), False),
        ((Permission.FILES_READ, Permission.FILES_WRITE), True),
    ):
        _, secret = scene.house.token("Mia", *scopes)
        for method, target, body, headers in tries:
            answer = as_somebody(scene.house, {**headers, **bearer(secret)}, method, target, body)
            assert answer.status in (409, 412), answer.text
            assert ("sha256" in answer.json()) == tells, target


@attack("CWE-863 incorrect authorization", "CVE-2026-35605 File Browser")
def test_names_with_the_same_beginning_share_no_rights(scene: Scene) -> None:
    """Rights go by the id of a folder; no path is compared with another letter by letter."""
    estate, mia = scene.estate, scene.house.ids["Mia"]
    estate.folder("/a", Mia="manage", Nora="manage")
    others = ["/ab", "/a b", "/a.", "/A", "/a%", "/a_", "/a2"]
    for path in others:
        estate.folder(path, Nora="manage")
        estate.file(f"{path}/x.txt", b"hers alone")
    estate.folder("/a/b", Nora="manage")
    estate.file("/a/own.txt", b"his")
    for path in others:
        quoted = path.replace("%", "%25").replace(" ", "%20")
        for method, target in (
            ("GET", f"/api/v1/files{quoted}/x.txt"),
            ("DELETE", f"/api/v1/files{quoted}/x.txt"),
            ("DELETE", f"/api/v1/folders{quoted}"),
            ("GET", f"/api/v1/files?folder={quoted}"),
            ("GET", f"/zip?folder={quoted}"),
            ("GET", f"/zip?folder=/a/..{quoted}"),
            ("GET", f"/api/v1/files/a/..{quoted}/x.txt"),
            ("GET", f"/folders/{estate.ids[path]}/permissions"),
        ):
            answer = scene.ask((method, target, None, JSON))
            assert answer.status in (400, 404), (method, target)
    found = scene.ask(("GET", "/api/v1/files?folder=/a&query=x", None, JSON)).json()
    assert [item["folder"] for item in found["files"]] == ["/a"]
    assert found["folders"] == []
    before = [
        estate.ask("GET", f"/folders/{estate.ids[path]}/permissions").json() for path in others
    ]
    given = fields(**{f"permission-{mia}": "manage", "permission-everyone": "read"})
    assert (
        scene.ask(("POST", f"/folders/{estate.ids['/a']}/permissions", given, SENT)).status == 303
    )
    assert (
        scene.ask(("POST", "/files/rename", fields(node=estate.ids["/a"], name="c"), SENT)).status
        == 403
    )
    assert (
        scene.ask(("DELETE", "/api/v1/folders/a", None, JSON)).status == 403
    )  # the root is hers to read
    after = [
        estate.ask("GET", f"/folders/{estate.ids[path]}/permissions").json() for path in others
    ]
    assert after == before
    assert estate.ask("DELETE", "/api/v1/folders/a").status == 204
    for path in others:
        assert estate.ask("GET", f"/folders/{estate.ids[path]}/permissions").status == 200
