"""Heads and forms with too much in them, names that would add headers, and hosts that are others."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest

from tests.attacks.attack import attack
from tests.attacks.callers import FIELDS, household
from tests.attacks.raw import answers, ask, peak_memory, speak
from tests.web.household import Household
from tests.web.wire import (
    AGENT,
    BOUNDARY,
    FORM,
    HTML,
    HTMX,
    JSON,
    Answer,
    Part,
    api,
    form,
    head_of,
    send,
)

MIB = 1024 * 1024
ROOM = 64 * MIB
"""How much a process may grow over what it needs."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    """One worker, so that its memory is what is measured."""
    yield from household(tmp_path_factory, "heads", workers=1, threads=8)


@pytest.fixture(scope="module")
def ada(house: Household) -> dict[str, str]:
    return house.headers(house.enter("Ada"))


def told(house: Household, request: bytes) -> list[Answer]:
    """What comes back; a connection that is closed at once is an answer, too."""
    return answers(speak(house.server, request))


BREAKS = ("\r\n", "\n", "\r", "\u010d\u010a", "\u2028", "\x85", "\x0b", "\x0c", "\x00")
INJECTED = "Set-Cookie: injected=1"


@attack("CWE-113 HTTP response splitting")
@pytest.mark.parametrize("line_break", BREAKS, ids=ascii)
def test_no_line_break_reaches_a_header(
    house: Household, ada: dict[str, str], line_break: str
) -> None:
    text = f"a{line_break}{INJECTED}{line_break}{line_break}<b>"
    for spelt in (quote(text, safe=""), quote(quote(text, safe=""), safe="")):
        for method, target in (
            ("PUT", f"/api/v1/files/{spelt}"),
            ("GET", f"/api/v1/files/{spelt}"),
            ("GET", f"/sign-in?next=/{spelt}"),
            ("GET", f"/?receipt={spelt}"),
            ("GET", f"/logs?query={spelt}"),
            ("GET", f"/{spelt}"),
            ("GET", f"/admin?{spelt}"),
            ("GET", f"/password?link={spelt}"),
            ("POST", f"/delete/{spelt}"),
        ):
            for headers in ({}, ada):
                answer = send(house.server, method, target, b"x", {**HTML, **headers})
                assert answer.status < 500, target
                assert "injected" not in answer.headers.get("Set-Cookie", "")
                for name, value in answer.headers.items():
                    assert value.isprintable() or value.isascii(), (name, value)
                    assert not set(value) & set("\r\n\x00\x0b\x0c"), (name, value)
    disposition = f'; filename="a{quote(line_break)}{INJECTED}"'
    part = Part(b"x", disposition=disposition)
    answer = send(house.server, "POST", "/upload", form(part), {**FORM, **JSON, **ada})
    assert answer.status in (201, 207, 400)


@attack("CWE-113 HTTP response splitting")
def test_a_name_stays_within_its_header(house: Household, ada: dict[str, str]) -> None:
    for name in ('a";x="b.html', "a;filename=b.html", "a\\", "a'b''c.txt", "é\u2028ü".replace("\u2028", ""),
                 "%0d%0aSet-Cookie: x=1", "=?utf-8?B?YQ==?=", "a, b", "日本 語.txt"):  # fmt: skip
        stored = send(house.server, "PUT", api(name), b"x", ada)
        if stored.status == 400:
            continue
        assert stored.status == 201
        disposition = send(house.server, "GET", api(name), headers=ada).header(
            "Content-Disposition"
        )
        assert disposition.isascii()
        assert disposition.startswith("attachment;")
        unquoted = "".join(disposition.replace("\\\\", "").replace('\\"', "").split('"')[::2])
        assert unquoted.count(";") <= 2, disposition
        assert "x=" not in unquoted


@attack("CWE-770 allocation of resources without limits")
def test_heads_without_measure(house: Household) -> None:
    cookie = "; ".join(f"c{number}=1" for number in range(100_000))
    heads = {
        "a header of 64 KiB": head_of("GET", "/sign-in", "X-Long: " + "x" * 65_536),
        "200 headers": head_of("GET", "/sign-in", *(f"X-{number}: 1" for number in range(200))),
        "20,000 headers": head_of("GET", "/sign-in", *(f"X-{n}: 1" for n in range(20_000))),
        "20,000 times one": head_of("GET", "/sign-in", *["X-Same: 1"] * 20_000),
        "an address of 1 MB": head_of("GET", "/" + "x" * 1_000_000),
        "a query of 1 MB": head_of("GET", "/sign-in?" + "x&" * 500_000),
        "100,000 cookies": head_of("GET", "/sign-in", f"Cookie: {cookie}"),
        "a method of 1 MB": head_of("X" * 1_000_000, "/sign-in"),
        "a name of 1 MB": head_of("GET", "/sign-in", "X" * 1_000_000 + ": 1"),
        "a token of 64 KiB": head_of("GET", "/", "Authorization: Bearer srt_" + "x" * 65_536),
        "no end": b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: " + b"y" * 5_000_000,
    }
    before = peak_memory(house.server)
    for case, request in heads.items():
        for answer in told(house, request):
            assert 400 <= answer.status < 500, case
            assert len(answer.body) < 20_000, case
    assert peak_memory(house.server) < before + ROOM
    assert send(house.server, "GET", "/healthz").status == 200


@attack("CWE-407 inefficient algorithmic complexity", "CVE-2011-4885 PHP", "CVE-2012-1150 Python")
def test_many_keys_cost_little(house: Household, ada: dict[str, str]) -> None:
    keys = [f"{number:x}" for number in range(100_000)]
    bodies = {
        "fields": "&".join(f"{key}=" for key in keys),
        "one field": "a=&" * 100_000,
        "escapes": "%61" * 160_000,
        "separators": "&" * 400_000,
        "equals": "=" * 400_000,
        "more than is read": urlencode(dict.fromkeys(keys, "x" * 40)),
    }
    before = peak_memory(house.server)
    for case, body in bodies.items():
        for target in ("/sign-in", "/account/tokens", "/admin/users", "/upload"):
            headers = {**HTML, **FIELDS, **({} if target == "/sign-in" else ada)}
            answer = send(house.server, "POST", target, body.encode(), headers)
            assert answer.status in (400, 401, 413), (case, target)
    nested = b"[" * 200_000 + b"]" * 200_000
    answer = send(
        house.server, "POST", "/account/tokens", nested, {**ada, "Content-Type": "application/json"}
    )
    assert answer.status in (400, 413)
    parts = form(*[Part(b"x", None, field=f"f{number}", kind=None) for number in range(5_000)])
    assert send(house.server, "POST", "/sign-in", parts, {**FORM, **HTML}).status in (400, 413)
    assert peak_memory(house.server) < before + ROOM


@attack("CWE-400 uncontrolled resource consumption")
@pytest.mark.parametrize("target", ["/sign-in", "/setup?link=x", "/password?link=x"])
def test_nobody_fills_the_disk_through_the_door(house: Household, target: str) -> None:
    """A form that has no business with files is not spooled, however long it is."""
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'.encode()
        for _ in range(600):
            sent += 64 * 1024
            yield b"x" * 64 * 1024
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    answer = send(house.server, "POST", target, body(), {**FORM, **HTML})
    assert answer.status in (400, 411, 413)
    assert sent < 600 * 64 * 1024 or answer.status in (411, 413)


@attack("CWE-346 origin validation error")
def test_hosts_that_are_not_ours(house: Household, ada: dict[str, str]) -> None:
    headers = [f"{name}: {value}".encode() for name, value in ada.items()]
    evil = b"evil.example"
    hosts: tuple[tuple[bytes, ...], ...] = (
        (evil,), (b"127.0.0.1.evil.example",), (b"127.0.0.1:80@evil.example",), (b"127.0.0.1 evil.example",),
        (b"evil.example:127",), (b"127.0.0.1\tevil.example",), (b"[::1].evil.example",), (b"[::1",),
        (b"0x7f.0.0.1",), (b"127.1",), (b"2130706433",), (b"0",), (b"localhost.",), (b"localhost.evil",),
        (b"127.0.0.1#evil",), (b"127.0.0.1/evil",), (b"127.0.0.1:evil",), (b"127.0.0.1:80:90",), (b"",),
        (b"127.0.0.1", evil), (evil, b"127.0.0.1"), (evil + b", 127.0.0.1",), (b"127.0.0.1, " + evil,),
    )  # fmt: skip
    for case in hosts:
        lines = [b"GET / HTTP/1.1", *(b"Host: " + host for host in case), *headers]
        lines += [
            f"User-Agent: {AGENT}".encode(),
            b"Accept: text/html",
            b"Connection: close",
            b"",
            b"",
        ]
        for answer in told(house, b"\r\n".join(lines)):
            assert answer.status in (400, 421), case
    for target in (b"http://evil.example/", b"http://evil.example:80/logs", b"evil.example:443"):
        answer = ask(house.server, "GET", target, *headers, b"X-Forwarded-Host: evil.example")
        assert b"evil.example/" not in answer.body
        assert "evil.example" not in answer.headers.get("Location", "")
    sent = {**HTML, "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    for style in ({}, HTMX):
        answer = send(house.server, "GET", "/logs", headers={**sent, **style})
        assert "evil.example" not in str(answer.headers.items())
        assert b"evil.example" not in answer.body
