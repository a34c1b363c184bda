"""Range headers that ask for more than there is: never more bytes than the file has."""

from __future__ import annotations

import pytest

from tests.attacks.attack import attack
from tests.serving import Installation
from tests.web.expect import records_of
from tests.web.wire import api, put, send

pytestmark = attack(
    "CWE-407 inefficient algorithmic complexity",
    "CVE-2011-3192 Apache httpd",
    "CVE-2025-62727 Starlette",
)

CONTENT = bytes(range(256)) * 400


@pytest.mark.parametrize(
    "header",
    [
        "bytes=0-" + ",5-{}" * 1000,
        "bytes=" + ",".join(["0-"] * 2000),
        "bytes=" + "0-0," * 1900 + "1-1",
        "bytes=" + ",".join(f"{n}-{n + 90_000}" for n in range(600)),
        "bytes=" + "9" * 5000 + "-",
        "bytes=-" + "9" * 5000,
        "bytes=0-" + "9" * 5000,
        "bytes=" + "," * 7000,
        "bytes=" + " " * 7000 + "0-1",
        "bytes=0-1" + "-" * 7000,
        "bytes=5-1",
        "bytes=-0",
        "bytes=--1",
        "bytes=\u00b2-\u00b3",
        "bytes=0x0-0xff",
        "=0-1",
        "bytes",
    ],
    ids=lambda header: header[:16],
)
def test_no_more_than_the_file(server: Installation, header: str) -> None:
    if send(server, "HEAD", api("ranges.bin")).status == 404:
        put(server, "ranges.bin", CONTENT)
    sent = {"Range": header.replace("{}", "7")}
    answer = send(server, "GET", api("ranges.bin"), headers=sent)
    assert answer.status in (200, 206, 416)
    if answer.status != 416:
        assert len(answer.body) <= len(CONTENT)
        assert answer.body in CONTENT
    told = records_of(server, answer.request_id)
    assert len(told.outcomes) == 1
