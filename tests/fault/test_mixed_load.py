"""Thousands of requests at once: no record is lost, doubled, or mixed up with another's."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fault.load import Client, Sent, check_records
from tests.fault.stored import check_dense, check_sound, incoming, stored_records
from tests.serving import Installation
from tests.web.wire import FORM, JSON, Part, form

CLIENTS = 64
ROUNDS = 27 if os.environ.get("STRONGROOM_SOAK") else 5
"""Of twelve requests each, so 3,840 in all, and 20,736 under `make soak`."""

Serve = Callable[..., Installation]


def _round(client: Client, number: int) -> None:
    """Twelve requests of every kind; each must be answered as if nobody else were there."""
    mark = f"{client.agent}-{number}"
    name, posted = f"/api/v1/files/{mark}.txt", f"{mark} posted.txt"
    content = f"the content of {mark} ".encode() * (1 + number * 7)
    body = form(Part(content[::-1], posted))

    def step(
        wanted: int,
        event: str | None,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        status, answered = client.send(method, target, body, headers, event=event)
        assert status == wanted, (status, method, target, answered)
        return answered

    step(201, "file_uploaded", "PUT", name, content)
    assert step(200, "file_downloaded", "GET", name) == content
    part = step(206, "file_downloaded", "GET", name, headers={"Range": "bytes=5-20"})
    assert part == content[5:21]
    step(200, None, "HEAD", name)
    step(409, "upload_failed", "PUT", name, b"other")
    step(404, "download_failed", "GET", f"/api/v1/files/none-{mark}")
    step(404, None, "GET", f"/nowhere/{mark}?with=query")
    foreign = {"Origin": "http://a.example"}
    step(403, "access_denied", "PUT", f"/api/v1/files/forged-{mark}", b"x", headers=foreign)
    step(201, "file_uploaded", "POST", "/upload", body, headers={**FORM, **JSON})
    step(200, "files_listed", "GET", f"/api/v1/files?marked={mark}")
    step(204, "file_deleted", "DELETE", name)
    step(404, "delete_failed", "DELETE", name)


def _client(server: Installation, number: int) -> list[Sent]:
    client = Client(server, f"client-{number:02}")
    try:
        for round_number in range(ROUNDS):
            _round(client, round_number)
    finally:
        client.close()
    return client.sent


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_request_keeps_its_own_records(serve: Serve) -> None:
    server = serve(workers=2, log_output="none")
    with ThreadPoolExecutor(CLIENTS) as pool:
        runs = list(pool.map(lambda number: _client(server, number), range(CLIENTS)))
    server.stop()

    sent = [one for run in runs for one in run]
    assert len(sent) == CLIENTS * ROUNDS * 12
    assert len({one.request_id for one in sent}) == len(sent)
    records = stored_records(server)
    check_dense(records)
    check_records(records, sent)
    # Nothing else bears a client's name: no record was made up or doubled.
    known = {one.request_id for one in sent}
    agents = {one.agent for one in sent}
    assert {r["request_id"] for r in records if r.get("user_agent") in agents} == known
    # Both workers took part, and neither met a fault of ours.
    assert len({r["pid"] for r in records if r["event"] == "response"}) == 2
    assert [r for r in records if r["level"] in ("error", "critical")] == []
    assert incoming(server) == []
    check_sound(server)
