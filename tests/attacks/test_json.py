"""JSON that is nested deeper than anybody reads."""

from __future__ import annotations

import pytest

from tests.attacks.attack import attack
from tests.serving import Installation
from tests.web.wire import JSON, send

MOST = 60_000
"""Bytes; a body of more is not read at all."""


@attack("CWE-674 uncontrolled recursion")
@pytest.mark.parametrize(
    "text", [b"[" * MOST, b"[" * (MOST // 2) + b"]" * (MOST // 2), b'{"from":' * (MOST // 8)]
)
def test_deep_json_is_no_fault_of_ours(server: Installation, text: bytes) -> None:
    kind = {"Content-Type": "application/json", **JSON}
    answer = send(server, "POST", "/api/v1/move", text, kind)
    answer.problem(400, "move_not_valid")
    events = {record["event"] for record in server.outcome(answer.request_id)}
    assert events == {"request", "response", "change_failed"}
