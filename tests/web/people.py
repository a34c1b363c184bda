"""Ada, Otto and Mia, who came in through the pages as people do: one-time links, forms, cookies."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from strongroom.permissions import Permission, Role
from tests.serving import Installation

PASSWORD = "seven quiet otters"
PAGE = {"Accept": "text/html,*/*;q=0.8"}
"""What a browser says that it wants."""

_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
_LINK = re.compile(r"https?://[^\s\"'<>\x1b]+/(?:setup|password)\?link=[\w-]+")
_TOKEN = re.compile(r"srt_[\w-]+")


class House:
    """An installation where Ada administers, Otto reads the logs, and Mia has files.

    ``ids`` holds their opaque ids; ``ada`` is the browser in which the accounts were made.
    """

    def __init__(self, data: Path, **settings: Any) -> None:
        self.server = Installation.with_accounts(data, **settings).start()
        self.ids: dict[str, str] = {}
        self._clients: list[httpx.Client] = []
        self.ada = self.visitor()
        try:
            self._move_in()
        except BaseException:
            self.close()
            raise

    def _move_in(self) -> None:
        self.setup_link = setup_link(self.server)
        form = {"name": "Ada", "password": PASSWORD, "again": PASSWORD}
        assert self.ada.post(self.setup_link, data=form).status_code == 303
        reader = token(self.ada, Permission.LOGS_READ)
        self.server.reader = {"Authorization": f"Bearer {reader}"}
        [made] = self.server.records("event:login_succeeded")
        self.ids["Ada"] = made["target_user_id"]
        self.add("Otto", Role.AUDITOR)
        self.add("Mia", Role.MEMBER)

    def close(self) -> None:
        """Stop the server, and close all browsers and scripts."""
        for client in self._clients:
            client.close()
        self.server.stop()

    def invite(self, name: str, role: Role = Role.MEMBER) -> str:
        """Ada adds somebody; the one-time link that she is shown."""
        answer = act(self.ada, "/admin/users", name=name, role=role)
        assert answer.status_code == 201, answer.text
        self.ids[name] = search(r"/admin/users/([\w-]+)", answer.text)
        return link_in(answer)

    def add(self, name: str, role: Role = Role.MEMBER) -> str:
        """Somebody more, who has chosen a password; their id."""
        with self.visitor() as guest:
            form = {"password": PASSWORD, "again": PASSWORD}
            answer = guest.post(self.invite(name, role), data=form)
        assert answer.status_code == 303, answer.text
        return self.ids[name]

    def visitor(self, **options: Any) -> httpx.Client:
        """A browser in which nobody has signed in."""
        return self._open(self.server.client(headers=PAGE, **options))

    def enter(self, name: str, password: str = PASSWORD) -> httpx.Client:
        """A browser in which somebody has signed in."""
        return self._open(sign_in(self.server, name, password))

    def bearing(self, secret: str) -> httpx.Client:
        """A script that sends this token."""
        return self._open(self.server.client(headers={"Authorization": f"Bearer {secret}"}))

    def _open(self, client: httpx.Client) -> httpx.Client:
        self._clients.append(client)
        return client

    def outcomes(self, answer: httpx.Response) -> list[dict[str, Any]]:
        """What the answered request left beside ``request`` and ``response``."""
        records = self.server.outcome(answer.headers["X-Request-ID"])
        return [r for r in records if r["event"] not in ("request", "response")]

    def session_id(self, client: httpx.Client) -> str:
        """The opaque id of the session of a signed-in browser, as records have it."""
        answer = client.get("/account")
        assert answer.status_code == 200
        found: str = self.server.outcome(answer.headers["X-Request-ID"])[0]["session_id"]
        return found

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return f"strongroom-{self.server.port}"


def setup_link(server: Installation, *, within: float = 5.0) -> str:
    """The one-time link that the first start prints."""
    links: list[str] = []

    def printed() -> bool:
        links.extend(_LINK.findall(server.log.read_text()))
        return bool(links)

    until(printed, within=within)
    return links[-1]


def sign_in(server: Installation, name: str, password: str = PASSWORD) -> httpx.Client:
    """A browser in which somebody has signed in: its cookie is sent from now on.

    It has sent nothing yet, so that it can be used by ``with``.
    """
    with server.client(headers=PAGE) as door:
        answer = door.post("/sign-in", data={"name": name, "password": password})
        assert answer.status_code == 303, answer.text
        return server.client(headers=PAGE, cookies=door.cookies)


def csrf(client: httpx.Client) -> str:
    """The word of this browser's session, as every form of ours has it."""
    return unescape(search(_CSRF, client.get("/account").text))


def act(client: httpx.Client, address: str, **fields: Any) -> httpx.Response:
    """Send a form of ours, with the word of its session."""
    return client.post(address, data={"csrf_token": csrf(client), **fields})


def token(client: httpx.Client, *scopes: Permission, days: str = "30") -> str:
    """The secret of a new token of whoever has signed in."""
    answer = act(client, "/account/tokens", token_name="a script", scope=list(scopes), days=days)
    assert answer.status_code == 201, answer.text
    return search(_TOKEN, answer.text)


def link_in(answer: httpx.Response) -> str:
    """The one-time link that a page shows."""
    return search(_LINK, unescape(answer.text))


def secret_of(link: str) -> str:
    """The secret of a one-time link."""
    [secret] = parse_qs(urlsplit(link).query)["link"]
    return secret


def search(pattern: str | re.Pattern[str], text: str) -> str:
    """The first group of the pattern (or all of it) where the text has it first."""
    hit = re.search(pattern, text)
    assert hit is not None, f"{pattern} is not in: {text[:2000]}"
    return hit[1] if hit.re.groups else hit[0]


def until(true: Callable[[], object], *, within: float = 5.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)
