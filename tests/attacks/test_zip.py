"""A zip leads out of no folder it is unpacked into, and out of no folder one may not see."""

from __future__ import annotations

import io
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PureWindowsPath
from urllib.parse import quote, urlencode
from uuid import uuid4
from zipfile import ZipFile

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from strongroom.errors import Refused
from strongroom.files.names import MAX_BYTES, check_filename
from strongroom.files.service.part import AT_ONCE
from strongroom.files.zipping.members import PATHS
from strongroom.files.zipping.names import portable, portable_names
from strongroom.permissions import Permission
from tests.attacks.attack import attack
from tests.attacks.callers import bearer, household, post
from tests.serving import Installation
from tests.web.household import Household
from tests.web.wire import Answer, send

SLIP = attack("CWE-22 path traversal", "CVE-2018-1002200 plexus-archiver")
FLOOD = attack("CWE-770 allocation of resources without limits")
HIDDEN = attack("CWE-863 incorrect authorization", "GHSA-j9jx-hp4c-ghhh File Browser")

HOSTILE = [
    "C:", "C:evil.exe", "c:", "aux", "AUX", "aux.txt", "nul .txt", "COM1", "com\u00b9.log", "CON",
    "conin$", "lpt9.tar.gz", "dot.", "dot", "dot..", "blank ", "blank", "...", "..a", ". .", "\u2025",
    "\uff0e\uff0e", "\u2026", "a:b", "a|b", "a?b", "a*b", "a<b", "a>b", 'a"b', "name::$DATA", "-rf",
    "~", "$(id)", "%2e%2e%2f", "..%5c..%5cx", "README", "readme", "ReadMe", "READ\u200dME", "\u00e9",
    "e\u0301", "\u00c9", "stra\u00dfe", "STRASSE", "\ufb01le", "FILE", "file (2)", "a.txt", "A.TXT",
    "a (2).txt", "x" * 255, "x" * 254 + "X", "aux." + "y" * 251, "\u540d" * 85, "._hidden",
]  # fmt: skip
"""Each of them a name that a file may have here."""

DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in "0123456789\u00b9\u00b2\u00b3"
}


def check_name(name: str) -> None:
    """One name in a zip, which every system can have."""
    check_filename(name)
    assert not set(name) & set('<>:"|?*\\/'), name
    assert name.rstrip(". ") == name, name
    assert name.partition(".")[0].rstrip(" ").lower() not in DEVICES, name
    assert set(unicodedata.normalize("NFKC", name)) - set(". "), name
    windows = PureWindowsPath(name)
    assert (windows.drive, windows.root, len(windows.parts)) == ("", "", 1), name


def check_different(names: list[str]) -> None:
    """No system takes two of them for one: not those without case, not those that compose."""
    for same in (str.lower, str.upper, str.casefold):
        found = {unicodedata.normalize("NFC", same(unicodedata.normalize("NFC", n))) for n in names}
        assert len(found) == len(names)


def is_name(text: str) -> bool:
    """Whether a file may have this name."""
    try:
        check_filename(text)
    except Refused:
        return False
    return True


ODD = st.text(
    st.sampled_from('aAxX.:  ~$1()\u00e9e\u0301\u00df\uff0e\u2025\u200d*?"|<>\u0131I'), max_size=6
)
NAMES = st.one_of(ODD, st.sampled_from(HOSTILE), st.text(max_size=40)).filter(is_name)


@SLIP
@given(st.lists(NAMES, unique=True, max_size=30))
def test_any_names_become_safe_ones(names: list[str]) -> None:
    found = portable_names(names)
    assert len(found) == len(names)
    for name in found:
        check_name(name)
        assert len(name.encode()) <= MAX_BYTES
    check_different(found)
    assert portable_names(found) == found


@SLIP
@given(NAMES)
def test_what_is_safe_stays_as_it_is(name: str) -> None:
    try:
        check_name(name)
    except AssertionError:
        assume(False)
    assert portable(name) == name
    assert portable_names([name, "another"]) == [name, "another"]


@SLIP
def test_thousands_of_names_that_are_one() -> None:
    """Telling them apart takes no longer than there are names: each number is tried once."""
    names = [f"{n:013b}".translate({48: "o", 49: "O"}) for n in range(1 << 13)]
    check_different(portable_names([*names, *(f"ooooooooooooo ({n})" for n in range(1_500))]))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    """Ada, Otto and Mia."""
    yield from household(tmp_path_factory, "zip")


def put(server: Installation, path: str, content: bytes, sender: dict[str, str]) -> str:
    """Store a file, and the folders above it; its id."""
    answer = send(server, "PUT", f"/api/v1/files/{quote(path)}", content, sender)
    assert answer.status == 201, answer.body
    return str(answer.json()["file_id"])


def folder_id(server: Installation, path: str, sender: dict[str, str]) -> str:
    """The id of a folder."""
    above, _, name = path.rpartition("/")
    query = urlencode({"folder": above or "/"})
    page = send(server, "GET", f"/api/v1/files?{query}", headers=sender).json()
    [found] = [item["folder_id"] for item in page["folders"] if item["name"] == name]
    return str(found)


def zipped(server: Installation, sender: dict[str, str], **query: str) -> Answer:
    """Ask for a zip."""
    return send(server, "GET", f"/zip?{urlencode(query)}", headers=sender)


def infos_of(answer: Answer) -> list[str]:
    """The paths in a zip, of which none is a link or anything else but a file or folder."""
    assert answer.status == 200, answer.body
    with ZipFile(io.BytesIO(answer.body)) as opened:
        assert opened.testzip() is None
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            assert kind == (stat.S_IFDIR if info.is_dir() else stat.S_IFREG)
        return opened.namelist()


@SLIP
def test_hostile_names_of_files(house: Household, tmp_path: Path) -> None:
    ada = house.headers(house.enter("Ada"))
    for number, name in enumerate(HOSTILE):
        put(house.server, f"hostile/{name}", b"%d" % number, ada)
    answer = zipped(house.server, ada, folder="/hostile")
    paths = [path for path in infos_of(answer) if path != "hostile/"]
    names = [path.removeprefix("hostile/") for path in paths]
    assert len(names) == len(HOSTILE)
    for name in names:
        check_name(name)
    check_different(names)
    (tmp_path / "it.zip").write_bytes(answer.body)
    outs = [tmp_path / "python"]
    with ZipFile(tmp_path / "it.zip") as opened:
        opened.extractall(outs[0])
    if shutil.which("unzip"):
        outs.append(tmp_path / "unzip")
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        command = ["unzip", "-qq", "it.zip", "-d", "unzip"]
        subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    for out in outs:
        assert [path.name for path in out.iterdir()] == ["hostile"]
        found = {path.read_bytes() for path in (out / "hostile").iterdir()}
        assert found == {b"%d" % number for number in range(len(HOSTILE))}
    assert {path.name for path in tmp_path.iterdir()} == {"it.zip", *(out.name for out in outs)}


@SLIP
@pytest.mark.parametrize("name", ["C:", "aux", "...", "up ", "-rf", "a:b", "\uff0e\uff0e", 'na"me'])
def test_hostile_names_of_folders(house: Household, name: str) -> None:
    ada = house.headers(house.enter("Ada"))
    put(house.server, f"{name}/{name}/f", b"f", ada)
    answer = zipped(house.server, ada, folder=f"/{name}")
    [top] = {path.split("/")[0] for path in infos_of(answer)}
    assert infos_of(answer) == [f"{top}/", f"{top}/{top}/", f"{top}/{top}/f"]
    check_name(top)
    disposition = answer.header("Content-Disposition")
    assert f"filename*=UTF-8''{quote(f'{top}.zip', safe='')}" in disposition
    assert re.fullmatch(r'attachment; filename="?[\w. -]+"?; filename\*=[\w\'%.~-]+', disposition)


class Shared:
    """Folders of Ada, of which Mia may read some."""

    def __init__(self, house: Household) -> None:
        self.server = server = house.server
        self.ada = house.headers(house.enter("Ada"))
        self.mia = house.headers(house.enter("Mia"))
        self.files = {
            path: put(server, f"shared/{path}", f"content of {path}".encode(), self.ada)
            for path in (
                "seen.txt",
                "plan",
                "Plan/canary-1.txt",
                "Plan/canary-2/open.txt",
                "Plan/canary-3/too.txt",
            )
        }
        put(server, "share/beside.txt", b"beside", self.ada)
        self.hidden = folder_id(server, "/shared/Plan", self.ada)
        self.open = [folder_id(server, f"/shared/Plan/canary-{n}", self.ada) for n in (2, 3)]
        for folder in (self.hidden, *self.open):
            who = house.ids["Ada"] if folder == self.hidden else "everyone"
            fields = {f"permission-{who}": "manage"}
            answer = post(server, f"/folders/{folder}/permissions", fields, self.ada)
            assert answer.status == 303, answer.text


@pytest.fixture(scope="module")
def shared(house: Household) -> Shared:
    """Those folders."""
    return Shared(house)


@HIDDEN
def test_what_may_not_be_seen_is_left_out(shared: Shared) -> None:
    answer = zipped(shared.server, shared.mia, folder="/shared")
    # Not even by what another is called: "plan" has its name to itself.
    assert infos_of(answer) == ["shared/", "shared/plan", "shared/seen.txt"]
    assert b"canary" not in answer.body
    told = [r for r in shared.server.outcome(answer.request_id) if r["event"] == "file_downloaded"]
    assert {r["filename"] for r in told} == {"plan", "seen.txt"}
    whole = infos_of(zipped(shared.server, shared.ada, folder="/shared"))
    assert len([path for path in whole if "canary" in path]) == 5  # the suite's own check


@HIDDEN
def test_what_is_shared_inside_of_it_is_had_by_itself(shared: Shared) -> None:
    answer = zipped(shared.server, shared.mia, folder="/shared/Plan/canary-2")
    assert infos_of(answer) == ["canary-2/", "canary-2/open.txt"]
    # Several in a folder that may not be seen: it gives the zip no name.
    query = urlencode([("node", folder) for folder in shared.open])
    several = send(shared.server, "GET", f"/zip?{query}", headers=shared.mia)
    assert infos_of(several) == [
        "files/",
        "files/canary-2/",
        "files/canary-2/open.txt",
        "files/canary-3/",
        "files/canary-3/too.txt",
    ]
    assert "Plan" not in several.header("Content-Disposition")


def check_not_there(shared: Shared, query: str, like: str, asked: tuple[str, str]) -> None:
    """Word for word the answer about what is not there, but for what was asked for."""
    answer, other = (
        send(shared.server, "GET", f"/zip?{q}", headers=shared.mia) for q in (query, like)
    )
    assert (answer.status, other.status) == (404, 404)
    texts = [a.text.replace(a.request_id, "") for a in (answer, other)]
    assert texts[0].replace(asked[0], "") == texts[1].replace(asked[1], "")
    [failed] = [
        r
        for r in shared.server.outcome(answer.request_id)
        if r["event"] not in ("request", "response")
    ]
    assert (failed["event"], failed["reason"]) == ("download_failed", "permission_missing")


NOBODY = "01a20000-0000-7000-8000-000000000000"


@HIDDEN
def test_a_hidden_folder_is_not_there(shared: Shared) -> None:
    asked = ("/shared/Plan", "/shared/None")
    check_not_there(shared, f"folder={asked[0]}", f"folder={asked[1]}", asked)
    check_not_there(shared, f"node={shared.hidden}", f"node={NOBODY}", (shared.hidden, NOBODY))


@HIDDEN
def test_a_file_in_it_is_not_there(shared: Shared) -> None:
    canary, seen = shared.files["Plan/canary-1.txt"], shared.files["seen.txt"]
    check_not_there(shared, f"node={canary}", f"node={NOBODY}", (canary, NOBODY))
    mixed, like = (f"node={seen}&node={node}" for node in (canary, NOBODY))
    check_not_there(shared, mixed, like, (canary, NOBODY))


@HIDDEN
def test_folders_whose_names_begin_alike(shared: Shared) -> None:
    assert infos_of(zipped(shared.server, shared.mia, folder="/share")) == [
        "share/",
        "share/beside.txt",
    ]


@HIDDEN
def test_a_token_is_no_more_than_its_owner(house: Household, shared: Shared) -> None:
    _, reading = house.token("Mia", Permission.FILES_READ)
    answer = zipped(shared.server, bearer(reading), folder="/shared")
    assert infos_of(answer) == ["shared/", "shared/plan", "shared/seen.txt"]
    _, writing = house.token("Mia", Permission.FILES_WRITE)
    zipped(shared.server, bearer(writing), folder="/shared").problem(403, "permission_missing")


def multiply(server: Installation, like: str, names: list[str]) -> None:
    """Many more beside a file or folder, each as that is: by requests it would take minutes."""
    with closing(sqlite3.connect(server.data / "strongroom.db", timeout=60)) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(node)")]
        row = database.execute("SELECT * FROM node WHERE node_id = ?", (like,)).fetchone()
        told = dict(zip(columns, row, strict=True))
        more = [told | {"node_id": f"{uuid4()}", "name": name, "name_key": name} for name in names]
        values = ",".join(f":{column}" for column in columns)
        database.executemany(f"INSERT INTO node VALUES ({values})", more)
        database.commit()


LONG = "/".join("d" * 255 for _ in range(15))
"""A path that a folder may have; there are longer ones."""


@FLOOD
def test_many_files_far_down(house: Household) -> None:
    """What a zip holds in memory is bounded: not only how many files, but how long their paths are."""
    ada = house.headers(house.enter("Ada"))
    like = put(house.server, f"far/{LONG}/first", b"1", ada)
    fits = PATHS // len(f"far/{LONG}/000000") - 50
    assert fits < AT_ONCE // 2
    multiply(house.server, like, [f"{n:06d}" for n in range(fits)])
    whole = zipped(house.server, ada, folder="/far")
    assert whole.header("Content-Length") == str(len(whole.body))
    assert len(infos_of(whole)) == fits + 1 + 16
    multiply(house.server, like, [f"more{n:02d}" for n in range(100)])
    answer = zipped(house.server, ada, folder="/far")
    answer.problem(409, "too_many_at_once")
    told = {record["event"] for record in house.server.outcome(answer.request_id)}
    assert told == {"request", "response", "download_failed"}
    assert send(house.server, "HEAD", "/zip?folder=/far", headers=ada).status == 409


@HIDDEN
def test_that_there_is_too_much_tells_of_nothing_hidden(house: Household) -> None:
    ada, mia = (house.headers(house.enter(name)) for name in ("Ada", "Mia"))
    put(house.server, "crowd/seen.txt", b"seen", ada)
    put(house.server, "crowd/hidden/x", b"x", ada)
    hidden = folder_id(house.server, "/crowd/hidden", ada)
    multiply(house.server, hidden, [f"hidden {n}" for n in range(AT_ONCE)])
    zipped(house.server, mia, folder="/crowd").problem(409, "too_many_at_once")
    with closing(sqlite3.connect(house.server.data / "strongroom.db", timeout=60)) as database:
        database.execute(
            "INSERT INTO folder_permission SELECT node_id, ?, 'manage' FROM node"
            " WHERE parent_id = (SELECT parent_id FROM node WHERE node_id = ?) AND kind = 'folder'",
            (house.ids["Ada"], hidden),
        )
        database.commit()
    assert infos_of(zipped(house.server, mia, folder="/crowd")) == ["crowd/", "crowd/seen.txt"]
    zipped(house.server, ada, folder="/crowd").problem(409, "too_many_at_once")
