"""Clients that keep their connection, each with a name of its own, and remember what they sent."""

from __future__ import annotations

import http.client
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from tests.fault.stored import Record, by_request
from tests.serving import Installation

PATIENCE = 60.0

GONE = (ConnectionError, http.client.HTTPException)
"""What a client sees of a server that was killed."""


@dataclass(frozen=True)
class Sent:
    """A request that was answered, and what its records must say."""

    request_id: str
    method: str
    path: str
    agent: str
    status: int
    event: str | None


class Client:
    """One connection; every request on it bears the client's name as its user agent."""

    def __init__(self, server: Installation, agent: str) -> None:
        self.agent = agent
        self.sent: list[Sent] = []
        self.answered: Mapping[str, str] = {}
        """Headers of the last answer."""
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)

    def send(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        event: str | None = None,
    ) -> tuple[int, bytes]:
        """Send a request; status and body of the answer.

        :param event: the outcome event that it must leave
        """
        self._connection.request(
            method, target, body, {"User-Agent": self.agent, **(headers or {})}
        )
        response = self._connection.getresponse()
        content = response.read()
        self.answered = dict(response.headers)
        request_id = response.headers["X-Request-ID"]
        path = unquote(target.partition("?")[0])
        sent = Sent(request_id, method, path, self.agent, response.status, event)
        self.sent.append(sent)
        return response.status, content

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def check_records(records: list[Record], sent: Iterable[Sent]) -> None:
    """Every request has one ``request``, one ``response`` and its outcome, each with its context."""
    found = by_request(records)
    for one in sent:
        mine = found.get(one.request_id, [])
        wanted = Counter(["request", "response", *([one.event] if one.event else [])])
        assert Counter(record["event"] for record in mine) == wanted, (one, mine)
        for record in mine:
            context = (record["method"], record["path"], record["user_agent"])
            assert context == (one.method, one.path, one.agent), (one, record)
            assert record["ip_address"] == "127.0.0.1"
        [response] = [record for record in mine if record["event"] == "response"]
        assert (response["status"], response["aborted"]) == (one.status, False), (one, response)
