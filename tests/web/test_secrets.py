"""Secrets sent through every input are neither stored, printed nor shipped.

Each secret is a word of its own, so that a leak names its way in. Names of files and folders are not
among the inputs: they may be called anything, and it can be forgotten what they were called.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from tests.receiving import wait_for
from tests.serving import Installation
from tests.web.completeness import State
from tests.web.examples import EXAMPLES
from tests.web.made import Made
from tests.web.tus.client import PIECE, VERSION, metadata
from tests.web.wire import FORM, HTML, HTMX, JSON, Part, api, exchange, form, head_of, send

Serve = Callable[..., Installation]

QUERIES = {
    "page": "/?password={}",
    "receipt": "/?receipt={}",
    "list": "/files?token={}&cursor={}",
    "files": "/api/v1/files?access_token={}",
    "sort": "/files?sort={}",
    "search in names": "/files?query={}",
    "search in names, by script": "/api/v1/files?folder=/&query=token%3D{}",
    "page of a search": "/files?query=x&cursor={}",
    "zip": "/zip?folder=/none&password={}",
    "zip of one": "/zip?node={}",
    "rename": "/files/rename?node={}",
    "move": "/files/move?folder=/&node={}",
    "new folder": "/folders/new?folder=/&token={}",
    "trash": "/trash?token={}",
    "versions": "/files/01a20000-0000-7000-8000-000000000000/versions?token={}",
    "download": "/api/v1/files/none?sig={}",
    "viewer": "/logs?api_key={}",
    "record": "/logs/none?x={}",
    "viewer cursor": "/logs?cursor={}",
    "viewer time": "/api/v1/records?from={}",
    "search for a password": "/logs?query=password%3D{}",
    "search for a token": "/api/v1/records?query=%22Authorization%3A+Bearer+{}%22",
    "search for an address": "/api/v1/records?query=https%3A%2F%2Fme%3A{}%40example.org",
    "bad search": "/api/v1/records?query=password%3D{}+%22open",
    "nowhere": "/nowhere?password={}",
    "health": "/healthz?password={}",
    "asset": "/static/none?password={}",
    "address in the path": "/https%3A%2F%2Fme%3A{}%40example.org",
    "password in the path": "/reset/password%3D{}",
    "absolute form": "http://me:{}@127.0.0.1/nowhere",
    "absolute form, foreign": "http://me:{}@example.org/nowhere",
}

HEADERS = {
    "Authorization": "Bearer {}",
    "authorization": "Basic {}",
    "Proxy-Authorization": "Basic {}",
    "Cookie": "session={}; theme=dark",
    "X-Api-Key": "{}",
    "X-CSRF-Token": "{}",
    "Referer": "https://me:{}@example.org/?token={}",
    "User-Agent": "script/1 (Bearer {})",
    "user-agent": "https://me:{}@example.org/",
    "X-Request-ID": "token={}",
    "X-Forwarded-For": "{}",
    "If-None-Match": '"{}"',
    "If-Match": '"{}"',
    "Range": "bytes={}",
    "Accept": "{}/html",
    "Origin": "http://me:{}@example.org",
    "Host": "me:{}@127.0.0.1",
    "Content-Type": "text/plain; token={}",
}

FORMS = {
    "/folders": ("folder=/&name=..&password={}",),
    "/files/rename": ("node={}&name=x", "node=x&name=..&token={}"),
    "/files/move": ("node={}&to=/", "node=x&to=/&token={}"),
    "/files/delete": ("node={}", "node=x&password={}"),
    "/files/restore": ("node={}",),
    "/trash/restore": ("node={}", "node=x&name=x&token={}"),
    "/trash/purge": ("node={}",),
    "/trash/empty": ("password={}",),
    "/folders/00000000-0000-0000-0000-000000000000/permissions": (
        "permission-{}=read", "permission-everyone={}", "permission-everyone=write&password={}",
        "inherit={}",
    ),
}  # fmt: skip
"""By address, what is sent there by forms."""

MOVES = (
    '{"from": "/none", "to": "/x", "password": "{}"}',
    '{"password": "{}"}',
    '{"from": {"token": "{}"}, "to": 1}',
    '["Bearer {}"]',
    '{"from": "/none", "password": "{}',
)

TUS = {
    "Upload-Metadata": ("filename Li4=,token {}", "{} eA==", "filename eA==,{}", "{}"),
    "Upload-Length": ("{}", "4"),
    "Upload-Offset": ("{}",),
    "Upload-Checksum": ("sha1 {}", "{} eA=="),
    "Upload-Concat": ("final;{}",),
    "Tus-Resumable": ("{}",),
    "X-HTTP-Method-Override": ("{}",),
    "Upload-Defer-Length": ("{}",),
}
"""Headers of resumable uploads; in metadata the secret stands in Base64 as well."""

BODIES = {
    "form field": (FORM, form(Part(b"{}", None, "password", None))),
    "form field beside no file": (FORM, form(Part(b"", ""), Part(b"{}", None, "token", None))),
    "damaged form": (FORM, form(Part(b"{}", None, "password", None))[:-4]),
    "part header": (FORM, form(Part(b"x", "..", kind="text/plain; secret={}"))),
    "content of a refused file": (FORM, form(Part(b"password={}", ".."))),
    "plain form": ({"Content-Type": "application/x-www-form-urlencoded"}, b"password={}&file=x"),
    "json": ({"Content-Type": "application/json"}, b'{{"user": {{"password": "{}"}}}}'),
    "json that is none": ({"Content-Type": "application/json"}, b'{{"password": "{}"'),
    "boundary": ({"Content-Type": "multipart/form-data; boundary={}"}, b"--{}"),
}

DAMAGED = {
    "request line": b"GET /?password={} HTTP/x\r\n\r\n",
    "method": b"GET\x01 /?password={} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "header": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization Bearer {}\r\n\r\n",
    "header value": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\x00\r\n\r\n",
    "long line": b"GET /?password={}" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
    "length": b"PUT /x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n",
}


class Canaries:
    """Secrets, each for one way in."""

    def __init__(self) -> None:
        self._ways: dict[str, str] = {}

    def into(self, way: str) -> str:
        """A new secret that goes in that way."""
        secret = f"Kq9{len(self._ways):04}zXw7Lm3Vt8"
        self._ways[secret] = way
        return secret

    def leaked(self, *places: Path) -> dict[str, list[str]]:
        """The files in which a secret is found, by the way it went in."""
        found: dict[str, list[str]] = {}
        for place in places:
            content = place.read_bytes()
            for secret, way in self._ways.items():
                if secret.encode() in content:
                    found.setdefault(way, []).append(place.name)
        return found


def _send_everything(server: Installation, canaries: Canaries) -> None:
    for way, target in QUERIES.items():
        for headers in (HTML, HTMX, JSON):
            send(server, "GET", target.replace("{}", canaries.into(way)), headers=headers)
    for name, value in HEADERS.items():
        for method, target in (("PUT", api("..")), ("GET", "/logs"), ("DELETE", api("none"))):
            sent = value.replace("{}", canaries.into(f"{name} of {method}"))
            head = head_of(method, target, f"{name}: {sent}", "Content-Length: 0")
            if name.lower() in ("host", "user-agent"):  # instead of ours, not beside it
                ours = "Host: 127.0.0.1" if name == "Host" else "User-Agent: wire/1 (tests)"
                head = head.replace(f"{ours}\r\n".encode(), b"")
            exchange(server, head)
    for way, (kind, body) in BODIES.items():
        for method, target in (("POST", "/upload"), ("POST", "/nowhere"), ("PUT", api(".."))):
            secret = canaries.into(f"{way} to {target}")
            headers = {name: value.replace("{}", secret) for name, value in kind.items()}
            send(server, method, target, body.replace(b"{}", secret.encode()), headers)
    _send_to_folders(server, canaries)
    for way, request in DAMAGED.items():
        exchange(server, request.replace(b"{}", canaries.into(f"damaged {way}").encode()))


def _send_to_folders(server: Installation, canaries: Canaries) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded", **HTML}
    for target, bodies in FORMS.items():
        for body in bodies:
            secret = canaries.into(f"{body} to {target}")
            send(server, "POST", target, body.replace("{}", secret).encode(), kind)
    for text in MOVES:
        sent = text.replace("{}", canaries.into(f"move {text}")).encode()
        send(server, "POST", "/api/v1/move", sent, {"Content-Type": "application/json"})
    usual = {**VERSION, "Upload-Length": "4", "Upload-Metadata": metadata(filename="tus canary")}
    upload = send(server, "POST", "/tus/", b"", usual).header("Location")
    for name, values in TUS.items():
        for value in values:
            for method, target in (("POST", "/tus/"), ("PATCH", upload), ("HEAD", upload)):
                secret = canaries.into(f"{name}: {value} of {method}")
                inside = b64encode(secret.encode()).decode() if "token" in value else secret
                given = {name: value.replace("{}", inside)}
                content = None if method == "HEAD" else b"password=" + secret.encode()
                send(
                    server,
                    method,
                    target,
                    content,
                    {**usual, **PIECE, "Upload-Offset": "0", **given},
                )


def _walk_every_route(server: Installation, canaries: Canaries) -> None:
    """Query, cookie and credentials of every route, for each of its outcomes."""
    for name in ("example.txt", "large.bin", "missing.bin", "damaged.bin"):
        send(server, "PUT", api(name), name.encode())
    for number, example in enumerate(EXAMPLES):
        if example.state is not State.SOUND or example.leaves:
            continue
        way = f"{number} {example.method} {example.rule} {example.status}"
        made = Made(server)
        mark = "&" if "?" in example.target else "?"
        target = f"{made.fill(example.target)}{mark}password={canaries.into(f'query of {way}')}"
        headers = {
            **{name: made.fill(value) for name, value in example.headers.items()},
            "Cookie": f"session={canaries.into(f'cookie of {way}')}",
            "Authorization": f"Bearer {canaries.into(f'credentials of {way}')}",
        }
        send(server, example.method, target, made.fill_bytes(example.body), headers)


def _pages(server: Installation, folder: Path) -> list[Path]:
    """The logs as people and scripts see them, each record opened."""
    shown = [send(server, "GET", "/logs?limit=1000", headers=HTML).text]
    for record in server.records()[:200]:
        shown.append(str(record))
        shown.append(send(server, "GET", f"/logs/{record['id']}", headers=HTML).text)
    page = folder / "pages"
    page.write_text("\n".join(shown))
    return [page]


def test_secrets_are_not_kept(serve: Serve, tmp_path: Path) -> None:
    printed = tmp_path / "records.jsonl"
    shipped = tmp_path / "shipped.jsonl"
    destination = {"lines": {"to": f"file:{shipped}", "network": True}}
    server = serve(log_network=True, log_file=printed, shipping=json.dumps(destination))
    canaries = Canaries()
    _send_everything(server, canaries)
    _walk_every_route(server, canaries)
    known = "found-if-it-is-stored"
    seen = send(server, "GET", f"/{quote(known)}", headers={"User-Agent": known})
    server.outcome(seen.request_id)

    places = [*(path for path in server.data.rglob("*") if path.is_file()), server.log]
    # The journal's latest pages are in its write-ahead log, which must be among the places.
    assert {"strongroom.db", "strongroom.db-wal"} <= {path.name for path in places}
    assert sum(known.encode() in path.read_bytes() for path in places) >= 2
    assert canaries.leaked(*places, *_pages(server, tmp_path)) == {}

    wait_for(lambda: known in shipped.read_text())
    server.stop()
    assert known in printed.read_text()
    assert canaries.leaked(printed, shipped) == {}
    places = [*(path for path in server.data.rglob("*") if path.is_file()), server.log]
    assert canaries.leaked(*places) == {}
