"""What somebody stored is handed out to be saved: no page can run it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.attack import attack
from tests.serving import Installation
from tests.web.wire import api, put, send


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(Path(tmp_path_factory.mktemp("code"), "data")).start()
    yield made
    made.stop()


@attack("CWE-434 unrestricted upload of file with dangerous type")
@pytest.mark.parametrize("destination", ["script", "style", "worker", "serviceworker", "embed"])
def test_a_stored_file_is_no_code_of_ours(server: Installation, destination: str) -> None:
    name = f"evil {destination}.js"
    put(server, name, b"alert(1)", "text/javascript")
    fetch = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": destination}
    answer = send(server, "GET", api(name), headers=fetch)
    answer.problem(403, "destination_not_allowed")
    [denied] = [r for r in server.outcome(answer.request_id) if r["event"] == "access_denied"]
    assert denied["reason"] == "destination_not_allowed"
    saved = send(server, "GET", api(name), headers={**fetch, "Sec-Fetch-Dest": "document"})
    assert (saved.status, saved.body) == (200, b"alert(1)")
