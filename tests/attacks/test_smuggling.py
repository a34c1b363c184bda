"""Requests whose end two programs could see in different places: refused, nothing behind is served."""

from __future__ import annotations

import pytest

from tests.attacks.attack import attack
from tests.attacks.raw import answers, speak
from tests.serving import Installation
from tests.web.wire import names

pytestmark = attack("CWE-444 request smuggling", "CVE-2024-1135 gunicorn", "CVE-2024-6827 gunicorn")

HEAD = b"PUT /api/v1/files/outer.txt HTTP/1.1\r\nHost: localhost\r\n"
INNER = b"PUT /api/v1/files/inner.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"
CHUNKED = b"Transfer-Encoding: chunked\r\n"

AMBIGUOUS = {
    "length and chunks": CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\n",
    "chunks and length": b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "list of lengths": b"Content-Length: 1, 1\r\n\r\nx",
    "signed length": b"Content-Length: +1\r\n\r\nx",
    "negative length": b"Content-Length: -1\r\n\r\n",
    "hex length": b"Content-Length: 0x1\r\n\r\nx",
    "underscored length": b"Content-Length: 1_0\r\n\r\n0123456789",
    "digits of another script": b"Content-Length: \xb2\r\n\r\nxx",
    "name with an underscore": b"Content_Length: 5\r\nTransfer_Encoding: chunked\r\nContent-Length: x\r\n\r\n",
    "space before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded line": b"X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "folded coding": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding twice": CHUNKED + CHUNKED + b"\r\n0\r\n\r\n",
    "chunked not last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "coding with a tab": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "bare return": b"X: y\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "nul in a field": b"X: \x00\r\nContent-Length: 0\r\n\r\n",
    "chunk size signed": CHUNKED + b"\r\n+1\r\nx\r\n0\r\n\r\n",
    "chunk size negative": CHUNKED + b"\r\n-1\r\nx\r\n0\r\n\r\n",
    "chunk size in 0x": CHUNKED + b"\r\n0x1\r\nx\r\n0\r\n\r\n",
    "chunk size underscored": CHUNKED + b"\r\n1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n",
    "chunk size empty": CHUNKED + b"\r\n\r\nx\r\n0\r\n\r\n",
    "chunk too long": CHUNKED + b"\r\n1\r\nxy\r\n0\r\n\r\n",
    "chunk size enormous": CHUNKED + b"\r\n" + b"f" * 40 + b"\r\nx\r\n",
}


@pytest.mark.parametrize("case", AMBIGUOUS, ids=lambda case: case.replace(" ", "-"))
def test_nothing_behind_is_served(server: Installation, case: str) -> None:
    found = answers(speak(server, HEAD + AMBIGUOUS[case] + INNER), "PUT")
    assert [answer.status // 100 for answer in found] in ([4], [5], []), found
    assert all(answer.status in (400, 501) for answer in found)
    assert not names(server) & {"inner.txt", "outer.txt"}


def test_an_unambiguous_pair_is_served(server: Installation) -> None:
    """What shows that the others were refused for their ambiguity."""
    first = HEAD.replace(b"outer", b"first") + CHUNKED + b"\r\n1\r\nx\r\n0\r\n\r\n"
    found = answers(speak(server, first + INNER.replace(b"inner", b"second")), "PUT")
    assert [answer.status for answer in found] == [201, 201]
    assert {"first.txt", "second.txt"} <= names(server)
