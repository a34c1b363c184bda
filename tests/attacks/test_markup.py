"""Markup in every field that is displayed, and in what is downloaded: text everywhere, run nowhere."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from tests.attacks.attack import attack
from tests.serving import Installation
from tests.web.wire import FORM, HTML, HTMX, JSON, Part, api, in_url, put, send, upload

pytestmark = attack(
    "CWE-79 cross-site scripting",
    "CVE-2023-38501 copyparty",
    "CVE-2025-54589 copyparty",
    "CVE-2026-28683 Gokapi",
)

PAYLOADS = {
    "element": "<xss>mark",
    "attribute": "\"onxss=mark '",
    "single quote": "'onxss=mark ",
    "end of script": "<:script><xss>mark",
    "template": "{{7*7}}mark{%raw%}",
    "entity": "&lt;xss&gt;mark",
    "scheme": "javascript:mark()",
}


class Seen(HTMLParser):
    """What a browser would make of a page, as far as these tests ask."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.words = ""
        self.wrong: list[str] = []
        self._script = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self._script = tag == "script"
        if "xss" in tag or tag in ("iframe", "object", "embed", "base", "style"):
            self.wrong.append(tag)
        for name, value in values.items():
            self.words += f" {value}"
            if name.startswith("on") or name in {"style", "srcdoc"}:
                self.wrong.append(f"{tag} {name}")
            leads = name in ("href", "src", "action", "formaction") and value != ""  # to this page
            if leads and not str(value).startswith(("/", "#")):
                self.wrong.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.words += data
        if self._script and data.strip():
            self.wrong.append(f"script {data}")
        self._script = False


def check(page: str, payload: str) -> None:
    """The payload is on the page, as text, and nothing but text."""
    seen = Seen(page)
    assert seen.wrong == []
    assert payload in seen.words


@pytest.mark.parametrize("case", PAYLOADS, ids=lambda case: case.replace(" ", "-"))
def test_stored(server: Installation, case: str) -> None:
    """In a file's name, its type, the user agent, the request id and the path of a record."""
    payload = PAYLOADS[case]
    name = f"{payload}.html"
    sent = {"User-Agent": payload, "X-Request-ID": payload, "Content-Type": payload}
    answer = send(server, "PUT", api(name), b"x", sent)
    assert answer.status == 201
    for target, headers in (("/", HTML), ("/files", HTMX), ("/logs", HTML), ("/logs", HTMX)):
        check(send(server, "GET", target, headers=headers).text, name)
    for record in server.outcome(answer.request_id):
        page = send(server, "GET", f"/logs/{record['id']}", headers=HTML).text
        check(page, name)
        check(page, payload)
    again = upload(server, Part(b"x", name.replace('"', "%22")), headers={**HTML, **FORM})
    assert Seen(again.text).wrong == []
    gone = send(server, "DELETE", f"/delete/{in_url(name)}", headers=HTMX)
    check(gone.text, name)


@pytest.mark.parametrize("case", PAYLOADS, ids=lambda case: case.replace(" ", "-"))
@pytest.mark.parametrize(
    "target",
    [
        "/logs?query={}",
        "/logs?query=%22{}%22",
        "/logs?query={}:x",
        "/logs?from={}",
        "/logs?to={}",
        "/logs?time={}",
        "/logs?event={}",
        "/logs?cursor={}",
        "/logs/{}",
        "/files?cursor={}",
        "/?receipt={}",
        "/?cursor={}&folder={}",
        "/api/v1/files/{}",
        "/delete/{}",
        "/{}",
        "/static/{}",
        "/ledger/tile/{}",
    ],
)
@pytest.mark.parametrize("headers", [HTML, HTMX, JSON], ids=["page", "fragment", "json"])
def test_reflected(server: Installation, target: str, case: str, headers: dict[str, str]) -> None:
    answer = send(server, "GET", target.format(in_url(PAYLOADS[case]), ""), headers=headers)
    assert answer.status < 500
    if answer.header("Content-Type").startswith("text/html"):
        assert Seen(answer.text).wrong == []
    else:
        kinds = ("application/json", "application/problem+json")
        assert answer.header("Content-Type") in kinds
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert "script-src 'self'" in answer.header("Content-Security-Policy") or (
        answer.header("Content-Security-Policy").startswith("default-src 'none'")
    )


SCRIPTED = {
    "text/html": b"<script>alert(1)</script>",
    "image/svg+xml": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "application/xhtml+xml": b'<html xmlns="http://www.w3.org/1999/xhtml"/>',
    "text/xml": b'<?xml-stylesheet href="x.xsl" type="text/xsl"?><x/>',
    "application/pdf": b"%PDF-1.4 /JS (app.alert(1))",
    "text/javascript": b"alert(1)",
    "multipart/x-mixed-replace": b"--x\r\nContent-Type: text/html\r\n\r\n<script>",
    "nonsense": b"<html><script>alert(1)</script>",
}


@pytest.mark.parametrize("kind", SCRIPTED)
@pytest.mark.parametrize("how", [{}, {"Range": "bytes=0-5"}, {"Sec-Fetch-Dest": "document"}, HTML])
def test_no_content_is_shown_inline(server: Installation, kind: str, how: dict[str, str]) -> None:
    name = f"{kind.replace('/', ' ')}.svg"
    if send(server, "HEAD", api(name)).status == 404:
        put(server, name, SCRIPTED[kind], kind)
    for method in ("GET", "HEAD"):
        answer = send(server, method, api(name), headers=how)
        assert answer.status in (200, 206)
        assert answer.header("Content-Disposition").startswith("attachment;")
        assert answer.header("Content-Security-Policy") == "default-src 'none'; sandbox"
        assert answer.header("X-Content-Type-Options") == "nosniff"
        assert answer.header("Cross-Origin-Resource-Policy") == "same-origin"


def test_an_injection_would_be_seen() -> None:
    """The suite's own check."""
    for page in ("<xss>", "<p onxss=1>", "<a href='javascript:x'>", "<script>x</script>"):
        assert Seen(page).wrong
