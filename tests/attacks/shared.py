"""Folders that not everybody may see, or change; and the people who try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.attacks.callers import post
from tests.web.household import Household
from tests.web.wire import JSON, Answer, send

ROOT = "00000000-0000-0000-0000-000000000000"


@dataclass
class Estate:
    """What Ada owns: she says who may what in it.

    :param ids: of what she made, by path
    """

    house: Household
    ada: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ada = self.house.headers(self.house.enter("Ada"))

    def ask(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Answer:
        """A request of hers."""
        sent = {**JSON, **self.ada, **{k.replace("_", "-"): v for k, v in headers.items()}}
        return send(self.house.server, method, target, body, sent)

    def folder(self, path: str, **levels: str) -> str:
        """A new folder; with arguments, nobody but these may do anything in it."""
        answer = self.ask("PUT", f"/api/v1/folders{quote(path)}", b"")
        assert answer.status == 201, answer.text
        self.ids[path] = answer.json()["folder_id"]
        if levels:
            self.permit(path, **levels)
        return self.ids[path]

    def permit(self, path: str, **levels: str) -> None:
        """Say anew who may what in a folder."""
        fields = {
            f"permission-{self.house.ids.get(name, name)}": level for name, level in levels.items()
        }
        folder_id = ROOT if path == "/" else self.ids[path]
        answer = post(self.house.server, f"/folders/{folder_id}/permissions", fields, self.ada)
        assert answer.status == 303, answer.text

    def file(self, path: str, content: bytes = b"hers") -> str:
        """A new file of hers."""
        answer = self.ask("PUT", f"/api/v1/files{quote(path)}", content)
        assert answer.status == 201, answer.text
        self.ids[path] = answer.json()["file_id"]
        return self.ids[path]

    def replaced(self, path: str, content: bytes) -> str:
        """The id of the version that a file had until now."""
        old = self.ask("HEAD", f"/api/v1/files{quote(path)}").header("ETag")
        answer = self.ask("PUT", f"/api/v1/files{quote(path)}", content, If_Match=old)
        assert answer.status == 204, answer.text
        told = self.ask("GET", f"/files/{self.ids[path]}/versions").json()["versions"]
        return str(told[-1]["version_id"])

    def state(self) -> list[Any]:
        """All that there is: every folder, every file and its content, the trash, who may what."""
        found: list[Any] = [self.ask("GET", "/api/v1/trash").json()["trash"]]
        places = ["/"]
        while places:
            listed = self.ask("GET", f"/api/v1/files?folder={quote(places.pop())}").json()
            found.append(listed)
            for folder in listed["folders"]:
                places.append(folder["folder"])
                found.append(self.ask("GET", f"/folders/{folder['folder_id']}/permissions").json())
            found += [
                self.ask("GET", f"/files/{file['file_id']}/versions").json()
                for file in listed["files"]
            ]
        return found


def as_somebody(
    house: Household,
    headers: Mapping[str, str],
    method: str,
    target: str,
    body: bytes | None = None,
    **more: str,
) -> Answer:
    """A request of somebody else; underscores in names of headers stand for hyphens."""
    sent = {**JSON, **headers, **{name.replace("_", "-"): value for name, value in more.items()}}
    return send(house.server, method, target, body, sent)
