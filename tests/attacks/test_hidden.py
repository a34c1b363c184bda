"""Folders one may not see: as if they were not there, by path, by id, in lists and in searches."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from tests.attacks.attack import attack
from tests.attacks.callers import FIELDS, household
from tests.attacks.shared import Estate, as_somebody
from tests.web.household import Household
from tests.web.tus.client import VERSION, metadata
from tests.web.wire import FORM, HTML, HTMX, JSON, Answer, Part, form

ABSENT = "01a20000-0000-7000-8000-00000000000"
"""With one more digit, an id that nothing has."""

SECRETS = ("Payroll", "salaries", "dismissals", "left-over", "Bonus", "in the trash")


@dataclass(frozen=True)
class Place:
    """The words of a request: either of what is hidden, or of what does not exist."""

    folder: str
    name: str
    folder_id: str
    file_id: str
    version_id: str
    trashed_id: str
    trashed_folder_id: str
    inner: str

    def blank(self, text: str) -> str:
        """A text without them."""
        for word in (self.folder, self.name, self.folder_id, self.file_id, self.version_id,
                     self.trashed_id, self.trashed_folder_id, self.inner):  # fmt: skip
            text = text.replace(word, "·" * len(word))
        return text


@dataclass
class Scene:
    """Somebody who may read in ``/Office`` and write in ``/Desk``, and what they must not know of."""

    house: Household
    estate: Estate
    mia: dict[str, str]
    hidden: dict[str, Place]
    absent: Place


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    for house in household(tmp_path_factory, "hidden"):
        house.add("Nora")
        estate = Estate(house)
        estate.permit("/", everyone="read", Nora="manage")
        estate.folder("/Office", everyone="read", Nora="manage")
        estate.folder("/Desk", everyone="write", Nora="manage")
        estate.folder("/Desk/mine")
        estate.file("/Desk/mine.txt")
        hidden = {}
        for around in ("/Office", "/Desk"):
            folder = f"{around}/Payroll"
            estate.folder(folder, Nora="manage")
            estate.folder(f"{folder}/Bonus")
            name = "salaries.txt"
            file_id = estate.file(f"{folder}/{name}", b"dismissals")
            version = estate.replaced(f"{folder}/{name}", b"dismissals, second draft")
            trashed = estate.file(f"{folder}/left-over.txt")
            assert estate.ask("DELETE", f"/api/v1/files{folder}/left-over.txt").status == 204
            gone = estate.folder(f"{around}/in the trash", Nora="manage")
            assert estate.ask("DELETE", f"/api/v1/folders{around}/in%20the%20trash").status == 204
            hidden[around] = Place(
                "Payroll",
                "salaries.txt",
                estate.ids[folder],
                file_id,
                version,
                trashed,
                gone,
                "Bonus",
            )
        one, two, three, four, five = (ABSENT + digit for digit in "12345")
        absent = Place("Unicorn", "unicorns.txt", one, two, three, four, five, "Nones")
        yield Scene(house, estate, house.headers(house.enter("Mia")), hidden, absent)


Request = tuple[str, str, bytes | None, dict[str, str]]


def fields(**values: str | list[str]) -> bytes:
    return urlencode(values, doseq=True).encode()


def reading(around: str, at: Place) -> Iterator[Request]:
    """What tells of a folder or file, by path and by id."""
    folder, path = f"{around}/{at.folder}", f"{around}/{at.folder}/{at.name}"
    deeper = f"{around}/{at.folder}/{at.inner}"
    for method in ("GET", "HEAD", "DELETE"):
        for where in (path, folder, deeper, f"{path}/x", f"{deeper}/x"):
            yield method, f"/api/v1/files{where}", None, JSON
    for where in (folder, path, deeper):
        yield "DELETE", f"/api/v1/folders{where}", None, JSON
        yield "GET", f"/api/v1/files?folder={where}", None, JSON
        yield "GET", f"/api/v1/files?folder={where}&query=a", None, JSON
        for how in (HTML, HTMX):
            yield "GET", f"/files?folder={where}", None, how
            yield "GET", f"/?folder={where}", None, how
            yield "GET", f"/folders/new?folder={where}", None, how
            yield "GET", f"/files/move?folder={where}&node={at.file_id}", None, how
        yield "GET", f"/zip?folder={where}", None, JSON
        yield "POST", f"/upload?folder={where}", form(Part(b"x", "x.txt")), {**FORM, **JSON}
        yield "POST", "/folders", fields(folder=where, name="x"), {**FIELDS, **HTML}
        yield "PUT", f"/api/v1/folders{where}/x", b"", JSON
        told = {"Upload-Length": "1", "Upload-Metadata": metadata(filename="x", folder=where)}
        yield "POST", "/tus/", b"", {**VERSION, **told}
        yield "POST", "/delete" + where, b"", HTML
        yield "DELETE", "/delete" + where, None, HTMX
    for node in (at.file_id, at.folder_id, at.trashed_id, at.trashed_folder_id):
        yield "GET", f"/zip?node={node}", None, JSON
        yield "POST", "/zip", fields(node=[node]), {**FIELDS, **JSON}
        yield "GET", f"/files/rename?node={node}", None, HTML
        yield "GET", f"/files/move?folder=/Desk&node={node}", None, HTML
        yield "GET", f"/files/{node}/versions", None, HTML
        yield "GET", f"/files/{node}/versions/{at.version_id}", None, JSON
        yield "POST", f"/files/{node}/versions/{at.version_id}", b"", {**FIELDS, **HTML}
        yield "GET", f"/folders/{node}/permissions", None, HTML
        given = fields(**{"permission-everyone": "manage"})
        yield "POST", f"/folders/{node}/permissions", given, {**FIELDS, **HTML}
        yield "POST", f"/folders/{node}/permissions", fields(inherit="1"), {**FIELDS, **HTML}
        yield "POST", f"/api/v1/trash/{node}", b"", JSON
        yield "DELETE", f"/api/v1/trash/{node}", None, JSON
        for target in ("delete", "restore"):
            yield "POST", f"/files/{target}", fields(node=node), {**FIELDS, **HTML}
        for target in ("restore", "purge"):
            yield "POST", f"/trash/{target}", fields(node=node), {**FIELDS, **HTML}
        yield "POST", "/files/rename", fields(node=node, name="x"), {**FIELDS, **HTML}
        yield "POST", "/files/move", fields(node=node, to="/Desk"), {**FIELDS, **HTML}
    kind = {"Content-Type": "application/json", **JSON}
    for source in (folder, path, deeper):
        wanted = json.dumps({"from": source, "to": "/Desk/stolen"}).encode()
        yield "POST", "/api/v1/move", wanted, kind


def writing(around: str, at: Place) -> Iterator[Request]:
    """What would make missing folders, where one may."""
    for where in (f"{at.folder}/{at.name}", f"{at.folder}/{at.name}/x", f"{at.folder}/x/y",
                  f"{at.folder}/{at.inner}/x", f"{at.folder}/{at.inner}/y/z"):  # fmt: skip
        yield "PUT", f"/api/v1/files{around}/{where}", b"x", JSON
        yield "PUT", f"/api/v1/files{around}/{where}", b"x", {**JSON, "If-Match": '"0"'}
        meta = metadata(filename="x", folder=around, relativePath=f"{where}/x")
        yield "POST", "/tus/", b"", {**VERSION, "Upload-Length": "1", "Upload-Metadata": meta}


def said(answer: Answer, at: Place) -> tuple[int, dict[str, str], str]:
    """What an answer tells, but for what is different in any two of them."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "·", at.blank(answer.text))
    text = re.sub(r'name="csrf_token" value="[^"]+"', "", text)
    headers = {k.lower(): at.blank(v) for k, v in answer.headers.items()}
    for own in ("x-request-id", "date", "content-length", "location"):
        headers.pop(own, None)
    return answer.status, headers, text


def ask(scene: Scene, request: Request) -> Answer:
    method, target, body, headers = request
    return as_somebody(
        scene.house, {**headers, **scene.mia}, method, target.replace(" ", "%20"), body
    )


@attack("CWE-203 observable discrepancy")
@pytest.mark.parametrize("around", ["/Office", "/Desk"])
def test_what_one_may_not_see_is_as_if_it_were_not(scene: Scene, around: str) -> None:
    before = scene.estate.state()
    place = scene.hidden[around]
    tried = list(reading(around, place))
    twins = list(reading(around, scene.absent))
    for more, at in ((tried, place), (twins, scene.absent)):
        # Where one may write, what is absent would be made, but for a replacement.
        asked = writing(around, at)
        more += [r for r in asked if around == "/Office" or "If-Match" in r[3]]
    wrong = []
    for request, twin in zip(tried, twins, strict=True):
        there, nowhere = ask(scene, request), ask(scene, twin)
        if said(there, place) != said(nowhere, scene.absent):
            wrong.append((request[:3], there.status, there.text[-300:], nowhere.text[-300:]))
        assert there.status >= 400, request
    assert wrong == []
    assert scene.estate.state() == before


@attack("CWE-203 observable discrepancy")
def test_nothing_is_made_below_what_one_may_not_see(scene: Scene) -> None:
    """Where one may write the name is in use; nothing else of it is told."""
    before = scene.estate.state()
    for request in writing("/Desk", scene.hidden["/Desk"]):
        answer = ask(scene, request)
        assert answer.status in (404, 409, 412), request
        assert not re.search(r'"sha256"|dismissals', answer.text), request
    assert scene.estate.state() == before


@attack("CWE-200 exposure of sensitive information")
def test_no_list_and_no_search_names_it(scene: Scene) -> None:
    for target in (
        "/api/v1/files?folder=/Office", "/api/v1/files?folder=/Desk", "/api/v1/files?query=a",
        "/api/v1/files?query=pay", "/api/v1/files?query=salaries", "/api/v1/files?folder=/Desk&query=bon",
        "/api/v1/files?sort=name&folder=/Office", "/api/v1/files?sort=size&folder=/Desk", "/files",
        "/", "/files?folder=/Desk", "/trash", "/api/v1/trash", "/files/move?folder=/Desk&node={mine}&to=/Office",
        "/files/move?folder=/Desk&node={mine}", "/account",
    ):  # fmt: skip
        mine = scene.estate.ids["/Desk/mine.txt"]
        for how in (JSON, HTML, HTMX):
            answer = as_somebody(scene.house, {**how, **scene.mia}, "GET", target.format(mine=mine))
            assert answer.status == 200, target
            told = [
                word for word in SECRETS if word in answer.text and f"query={word}" not in target
            ]
            assert told == [], (target, told)
    counts = as_somebody(scene.house, scene.mia, "GET", "/api/v1/files").json()["folders"]
    assert {item["name"]: item["count"] for item in counts} == {"Office": 0, "Desk": 2}
    found = as_somebody(scene.house, scene.mia, "GET", "/zip?folder=/Desk")
    assert found.status == 200
    assert not any(word.encode() in found.body for word in SECRETS)


@attack("CWE-639 authorization bypass through user-controlled key", "CVE-2025-64523 File Browser")
def test_nothing_of_a_selection_is_done_when_one_of_it_is_hidden(scene: Scene) -> None:
    """Forms that take several: all or none, whatever stands beside it."""
    before = scene.estate.state()
    mine, place = scene.estate.ids["/Desk/mine.txt"], scene.hidden["/Desk"]
    for node in (place.file_id, place.folder_id, place.trashed_id, place.trashed_folder_id):
        for target in (
            "/files/delete",
            "/files/move",
            "/files/restore",
            "/trash/restore",
            "/trash/purge",
        ):
            body = fields(node=[mine, node], to="/Desk/mine")
            answer = ask(scene, ("POST", target, body, {**FIELDS, **HTML}))
            assert answer.status == 404, (target, answer.text)
        answer = ask(scene, ("GET", f"/zip?node={mine}&node={node}", None, JSON))
        assert answer.status == 404
    assert scene.estate.state() == before


@attack("CWE-639 authorization bypass through user-controlled key", "CVE-2025-64523 File Browser")
def test_a_record_says_why_though_the_answer_does_not(scene: Scene) -> None:
    """The suite's own check: it was the permission that was missing, not the file."""
    answer = ask(scene, ("GET", "/api/v1/files/Office/Payroll/salaries.txt", None, JSON))
    [failed] = [
        record
        for record in scene.house.server.outcome(answer.request_id)
        if record["event"] == "download_failed"
    ]
    assert (failed["reason"], answer.json()["reason"]) == ("permission_missing", "file_not_found")
    nora = scene.house.headers(scene.house.enter("Nora"))
    for request in (
        ("GET", "/api/v1/files/Office/Payroll/salaries.txt", None, JSON),
        ("GET", f"/files/{scene.hidden['/Office'].file_id}/versions", None, HTML),
    ):
        found = as_somebody(scene.house, {**request[3], **nora}, *request[:3])
        assert (found.status, b"salaries" in found.body or b"dismissals" in found.body) == (
            200,
            True,
        )
