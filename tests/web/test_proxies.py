"""Behind proxies: whose word is taken for who the client is, and what nobody can make us believe."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask, request
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from strongroom.audit.access import FORWARDED_KEY, from_loopback
from strongroom.audit.exchange import addresses
from strongroom.web.proxies import TrustedProxies, parse_address
from tests.serving import Installation
from tests.web.household import PASSWORD, Household
from tests.web.secured import application
from tests.web.wire import HTML, JSON, Answer

CLIENT = "203.0.113.9"
PROXIES = [ip_network("192.0.2.0/24"), ip_network("fd00::/8"), ip_network("127.0.0.1")]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


# --- What is made of the headers ------------------------------------------------------------------


def seen(peer: str, headers: Mapping[str, str], trusted: Any = PROXIES) -> dict[str, Any]:
    """What stands in the environ behind the proxies."""
    caught: dict[str, Any] = {}

    def app(environ: dict[str, Any], _start: Any) -> list[bytes]:
        caught.update(environ)
        return []

    environ = EnvironBuilder(headers=Headers(dict(headers)), environ_base={"REMOTE_ADDR": peer})
    list(TrustedProxies(app, trusted)(environ.get_environ(), lambda *_: lambda _: None))
    return caught


@pytest.mark.parametrize(
    ("peer", "chain", "client"),
    [
        ("192.0.2.1", CLIENT, CLIENT),
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", f"198.51.100.1, {CLIENT}", CLIENT),  # the client's own word before it
        ("192.0.2.1", f"127.0.0.1, {CLIENT}", CLIENT),
        ("192.0.2.1", f"{CLIENT}, 192.0.2.2", CLIENT),
        ("192.0.2.1", f"10.9.9.9, {CLIENT},192.0.2.3 , fd00::7", CLIENT),
        ("192.0.2.1", "192.0.2.3, 192.0.2.2", "192.0.2.3"),  # a proxy asks for itself
        ("fd12::1", "2001:db8::5", "2001:db8::5"),
        ("fd12::1", "2001:DB8:0:0::5", "2001:db8::5"),
        ("::ffff:192.0.2.1", f"::ffff:{CLIENT}", CLIENT),
        ("192.0.2.1", f"{CLIENT}:5121", CLIENT),
        ("192.0.2.1", "[2001:db8::5]:443", "2001:db8::5"),
        ("192.0.2.1", "[2001:db8::5]", "2001:db8::5"),
        # What is no address ends the chain at the last that was one.
        ("192.0.2.1", "unknown", "192.0.2.1"),
        ("192.0.2.1", f"{CLIENT}, _hidden, 192.0.2.2", "192.0.2.2"),
        ("192.0.2.1", f"{CLIENT},, 192.0.2.2", "192.0.2.2"),
        ("192.0.2.1", f"{CLIENT},", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9\tevent=forged", "192.0.2.1"),
        ("192.0.2.1", "fe80::1%<script>alert(1)</script>", "192.0.2.1"),
        ("192.0.2.1", "1.2.3.4.5", "192.0.2.1"),
        ("192.0.2.1", "0x7f000001", "192.0.2.1"),
        ("192.0.2.1", "127.1", "192.0.2.1"),
        ("192.0.2.1", "010.0.0.1", "192.0.2.1"),
        ("192.0.2.1", "\u0661.2.3.4".encode().decode("latin-1"), "192.0.2.1"),
        ("192.0.2.1", "[::1", "192.0.2.1"),
        ("192.0.2.1", "," * 5000, "192.0.2.1"),
        # Nobody else has a say.
        (CLIENT, "127.0.0.1", CLIENT),
        (CLIENT, "192.0.2.1", CLIENT),
        ("::ffff:203.0.113.9", "127.0.0.1", CLIENT),
        ("fe80::1%eth0", "127.0.0.1", "fe80::1"),
        ("", "127.0.0.1", ""),
    ],
)
def test_the_client_is_the_first_stranger_from_the_right(
    peer: str, chain: str, client: str
) -> None:
    environ = seen(peer, {"X-Forwarded-For": chain} if chain else {})
    assert environ["REMOTE_ADDR"] == client
    assert addresses(environ)[0] == client


def test_the_peer_is_kept_beside_the_client() -> None:
    environ = seen("192.0.2.1", {"X-Forwarded-For": CLIENT})
    assert addresses(environ) == (CLIENT, "192.0.2.1")
    assert addresses(seen(CLIENT, {"X-Forwarded-For": "::1"})) == (CLIENT, CLIENT)


SAID = {
    "X-Forwarded-For": "::1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "1",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded": "for=::1",
    "X-Forwarded-Server": "evil",
    "Forwarded": "for=::1;proto=https",
    "X-Real-IP": "::1",
    "X-Client-IP": "::1",
    "True-Client-IP": "::1",
    "CF-Connecting-IP": "::1",
    "Via": "1.1 evil",
}


@pytest.mark.parametrize("trusted", [[], PROXIES], ids=["nobody trusted", "some trusted"])
@pytest.mark.parametrize("name", SAID)
def test_strangers_say_nothing(name: str, trusted: list[Any]) -> None:
    plain, spoken = seen(CLIENT, {}, trusted), seen(CLIENT, {name: SAID[name]}, trusted)
    assert spoken.pop(FORWARDED_KEY) is True
    for environ in (plain, spoken):
        for stream in ("wsgi.input", "wsgi.errors"):
            environ.pop(stream)
    assert spoken == plain


@pytest.mark.parametrize(
    ("said", "scheme"),
    [
        ("https", "https"),
        ("HTTPS", "https"),
        ("http", "http"),
        ("http, https", "https"),  # the nearest proxy's is the last
        ("https, http", "http"),
        ("javascript", "http"),
        ("https;", "http"),
        ("", "http"),
    ],
)
def test_the_scheme_is_the_nearest_proxys(said: str, scheme: str) -> None:
    assert seen("192.0.2.1", {"X-Forwarded-Proto": said})["wsgi.url_scheme"] == scheme


@pytest.mark.parametrize(
    ("said", "host"),
    [
        ("files.example", "files.example"),
        ("files.example:8443", "files.example:8443"),
        ("[2001:db8::1]:8443", "[2001:db8::1]:8443"),
        ("evil.example, files.example", "files.example"),
        ("files.example/evil", "localhost"),
        ("user@files.example", "localhost"),
        ("files.example:x", "localhost"),
        ("", "localhost"),
    ],
)
def test_the_host_is_the_nearest_proxys(said: str, host: str) -> None:
    assert seen("192.0.2.1", {"X-Forwarded-Host": said})["HTTP_HOST"] == host


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_what_a_proxy_on_this_machine_forwards_is_not_of_this_machine(peer: str) -> None:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: f"{request.remote_addr} {from_loopback()}")
    for trusted in ([], PROXIES):
        app.wsgi_app = TrustedProxies(Flask.wsgi_app.__get__(app), trusted)  # type: ignore[method-assign]
        client = app.test_client()
        base = {"REMOTE_ADDR": peer}
        for headers in ({"X-Forwarded-For": "::1"}, {"X-Real-IP": "::1"}, {"Via": "1.1 x"}):
            answer = client.get("/", headers=headers, environ_base=base)
            assert answer.text.endswith("False")
        bare = client.get("/", environ_base=base).text
        known = any(parse_address(peer) in network for network in trusted)
        assert bare.endswith(str(not known))


# --- Real proxies before the real server ----------------------------------------------------------


class Proxy(ThreadingHTTPServer):
    """Adds its peer to X-Forwarded-For, as proxies do, and says how it was spoken to.

    :param says: further headers; each replaces what the client sent under its name
    """

    daemon_threads = True

    def __init__(
        self, target: tuple[str, int], listen: str, peer: str | None, says: Mapping[str, str]
    ) -> None:
        self.target, self.peer, self.says = target, peer, says
        super().__init__((listen, 0), _Forwarding)

    @property
    def place(self) -> tuple[str, int]:
        """Where it listens."""
        return str(self.server_address[0]), int(self.server_address[1])


class _Forwarding(BaseHTTPRequestHandler):
    server: Proxy

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        replaced = {name.lower() for name in self.server.says} | {"connection"}
        headers = {k: v for k, v in self.headers.items() if k.lower() not in replaced}
        before = headers.pop("X-Forwarded-For", "")
        peer = self.server.peer or self.client_address[0]
        headers |= {"X-Forwarded-For": f"{before}, {peer}" if before else peer, **self.server.says}
        # From an address of its own, so that the server can tell it from the rest of the machine.
        upstream = http.client.HTTPConnection(
            *self.server.target, timeout=30, source_address=(self.server.place[0], 0)
        )
        upstream.request(self.command, self.path, body or None, headers)
        answer = upstream.getresponse()
        content = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        upstream.close()

    do_GET = do_POST = _forward  # noqa: N815  # names of the standard library


@contextmanager
def proxy(
    target: Installation | Proxy,
    listen: str = "127.0.0.2",
    peer: str | None = None,
    **says: str,
) -> Iterator[Proxy]:
    """A proxy before a server or another proxy.

    :param peer: whom it takes its client for, as if that were elsewhere
    """
    place = target.place if isinstance(target, Proxy) else ("127.0.0.1", target.port)
    with Proxy(place, listen, peer, {k.replace("_", "-"): v for k, v in says.items()}) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def ask(
    front: Proxy, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
) -> Answer:
    """One request to a proxy."""
    connection = http.client.HTTPConnection(*front.place, timeout=30)
    connection.request(method, path, body, dict(headers))
    response = connection.getresponse()
    answer = Answer(response.status, response.headers, response.read())
    connection.close()
    return answer


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    """A server that believes the proxies at 127.0.0.2 and 127.0.0.3, and nobody else."""
    household = Household(
        tmp_path_factory.mktemp("proxied") / "data",
        workers=1,
        trusted_proxies="127.0.0.2, 127.0.0.3",
        allowed_hosts="files.example",
    )
    yield household
    household.close()


PUBLIC = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "files.example"}


def recorded(house: Household, answer: Answer) -> list[tuple[Any, Any]]:
    records = house.server.outcome(answer.request_id)
    return [(record.get("ip_address"), record.get("peer_address")) for record in records]


def test_records_have_the_client_and_the_proxy(house: Household) -> None:
    with proxy(house.server, peer=CLIENT, **PUBLIC) as front:
        answer = ask(front, "GET", "/sign-in", HTML)
    assert answer.status == 200
    assert answer.header("Strict-Transport-Security") == "max-age=31536000"
    assert set(recorded(house, answer)) == {(CLIENT, "127.0.0.2")}


def test_through_two_proxies(house: Household) -> None:
    with (
        proxy(house.server, "127.0.0.3", **PUBLIC) as inner,
        proxy(inner, "127.0.0.2", peer=CLIENT) as outer,
    ):
        answer = ask(outer, "GET", "/sign-in", {**HTML, "X-Forwarded-For": "198.51.100.1, ::1"})
    assert answer.status == 200
    assert set(recorded(house, answer)) == {(CLIENT, "127.0.0.3")}


@pytest.mark.parametrize("spoof", ["127.0.0.1", "127.0.0.2", "198.51.100.1", "x\tforged=1", "%00"])
def test_what_the_client_says_before_a_proxy_is_not_believed(house: Household, spoof: str) -> None:
    sent = {**HTML, "X-Forwarded-For": spoof, "Forwarded": f"for={CLIENT}", "X-Real-IP": spoof}
    with proxy(house.server, peer=CLIENT, **PUBLIC) as front:
        answer = ask(front, "GET", "/sign-in", sent)
    assert set(recorded(house, answer)) == {(CLIENT, "127.0.0.2")}


def test_an_untrusted_proxy_is_the_client(house: Household) -> None:
    with proxy(house.server, "127.0.0.9", peer=CLIENT, **PUBLIC) as front:
        answer = ask(front, "GET", "/sign-in", HTML)
        assert answer.status == 421 or "Strict-Transport-Security" not in answer.headers
    assert set(recorded(house, answer)) == {("127.0.0.9", "127.0.0.9")}


def test_the_host_of_a_proxy_must_be_allowed(house: Household) -> None:
    says = {**PUBLIC, "X_Forwarded_Host": "evil.example"}
    with proxy(house.server, peer=CLIENT, **says) as front:
        answer = ask(front, "GET", "/sign-in", JSON)
    answer.problem(421, "host_not_allowed")


def sign_in(
    front: Proxy, name: str, password: str, origin: str = "https://files.example"
) -> Answer:
    form = urlencode({"name": name, "password": password}).encode()
    return ask(front, "POST", "/sign-in", {**HTML, **FORM, "Origin": origin}, form)


def test_cookies_are_those_of_tls(house: Household) -> None:
    with proxy(house.server, peer=CLIENT, **PUBLIC) as front:
        answer = sign_in(front, "Ada", PASSWORD)
        assert answer.status == 303
        cookie = answer.header("Set-Cookie")
        assert cookie.startswith("__Host-strongroom=")
        assert "Secure" in cookie
        page = ask(front, "GET", "/", {**HTML, "Cookie": cookie.partition(";")[0]})
        assert page.status == 200
        refused = sign_in(front, "Ada", PASSWORD, "http://files.example")
        assert refused.status == 403
    assert set(recorded(house, answer)) == {(CLIENT, "127.0.0.2")}


def test_who_guesses_passwords_is_blocked_alone(house: Household) -> None:
    """Through one proxy come many clients; the one address of the proxy must not count for all."""
    house.add("Nia")
    with (
        proxy(house.server, peer="203.0.113.66", **PUBLIC) as guesser,
        proxy(house.server, peer="203.0.113.67", **PUBLIC) as other,
    ):
        for number in range(60):
            if sign_in(guesser, f"nobody {number}", "a wrong password").status == 429:
                break
        else:
            raise AssertionError("never blocked")
        assert sign_in(other, "Nia", PASSWORD).status == 303


# --- Listening further than this machine ----------------------------------------------------------


def test_nobody_comes_past_the_proxy_in_the_clear(tmp_path: Path) -> None:
    listen = {"listen": "0.0.0.0:8000", "trusted_proxies": "192.0.2.0/24"}
    with application(tmp_path / "data", **listen) as client:

        def status(peer: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
            base = {"REMOTE_ADDR": peer}
            answer = client.get("/healthz", headers={**JSON, **(headers or {})}, environ_base=base)
            return answer.status_code, (answer.json or {}).get("reason", "")

        assert status("192.0.2.7", {"X-Forwarded-For": CLIENT}) == (200, "")
        assert status("192.0.2.7") == (200, "")
        assert status("127.0.0.1") == status("::1") == (200, "")
        for spoof in ("192.0.2.7", "127.0.0.1"):
            said = {"X-Forwarded-For": spoof, "X-Forwarded-Proto": "https"}
            assert status(CLIENT, said) == (403, "not_through_proxy")
        assert status(CLIENT) == (403, "not_through_proxy")
        told = client.get("/", headers=HTML, environ_base={"REMOTE_ADDR": CLIENT})
        assert "trusted_proxies" in told.text


def test_in_the_clear_where_that_is_wanted(tmp_path: Path) -> None:
    listen = {"listen": "0.0.0.0:8000", "insecure_http": True}
    with application(tmp_path / "data", **listen) as client:
        answer = client.get("/healthz", environ_base={"REMOTE_ADDR": CLIENT})
        assert answer.status_code == 200
        assert "Strict-Transport-Security" not in answer.headers
