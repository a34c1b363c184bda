"""Without sign-in: for programs on this machine, and not through a proxy on it."""

from __future__ import annotations

import pytest

from tests.serving import Installation
from tests.web.wire import HTML, send


@pytest.mark.parametrize("target", ["/", "/logs", "/logs/none", "/api/v1/files"])
@pytest.mark.parametrize(
    "forwarded",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-Proto": "https"},
        {"X-Real-IP": "192.0.2.1"},
        {"Forwarded": "for=192.0.2.1"},
        {"Via": "1.1 proxy"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_what_was_forwarded_is_refused(
    small: Installation, target: str, forwarded: dict[str, str]
) -> None:
    assert send(small, "GET", target, headers=HTML).status in (200, 404)
    assert send(small, "GET", target, headers=HTML | forwarded).status == 403
