"""TLS: what it is spoken with, what comes of it, and clients that are slow to speak it."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.accounts.service import Where
from strongroom.cli.user import accounts_of
from strongroom.permissions import Permission
from tests.fault.stored import stored_records
from tests.serving import Installation
from tests.web.secured import Secured, certify, private
from tests.web.wire import HTML

PASSWORD = "four lilac herons wade"
THREADS = 4
SILENT = 40
"""Clients that hold still: far more than there are threads."""

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A server with one worker and few threads, where Ada has an account and a token."""
    data = tmp_path_factory.mktemp("tls") / "data"
    server = Secured(data, workers=1, threads=THREADS)
    server.start()
    with accounts_of({"data": str(data)}) as accounts:
        secret = accounts.setup_secret()
        assert secret is not None
        ada = accounts.set_up(secret, "Ada", PASSWORD, where=Where("127.0.0.1", "tests"))
        scopes = [Permission.FILES_READ, Permission.FILES_WRITE, Permission.LOGS_READ]
        assert ada.identity.user_id is not None
        _, token = accounts.create_token(ada.identity.user_id, "tests", scopes)
    server.reader = {"Authorization": f"Bearer {token}"}
    yield server
    server.stop()


def served(server: Secured) -> None:
    """Others get their answers; a time-out fails the test."""
    with server.client(headers=server.reader) as client:
        for _ in range(5):
            assert client.get("/healthz").status_code == 200
        name = f"{time.monotonic_ns()}.txt"
        assert client.put(f"/api/v1/files/{name}", content=b"x").status_code == 201


def open_tls(server: Secured) -> ssl.SSLSocket:
    """A connection that takes a missing end of TLS for an error."""
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    return server.trust.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)


def half_a_hello() -> bytes:
    """The first part of what a client begins with."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()[:100]


def offered(server: Secured) -> str:
    """The certificate that new connections get."""
    return ssl.get_server_certificate(("127.0.0.1", server.port))


# --- What comes of it -----------------------------------------------------------------------------


def test_sign_in_keeps_a_cookie_for_this_host_and_tls_only(secured: Secured) -> None:
    with secured.client(headers=HTML) as client:
        form = {"name": "Ada", "password": PASSWORD}
        answer = client.post("/sign-in", data=form, headers={"Origin": secured.url})
        assert answer.status_code == 303
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-strongroom=")
        kept = {part.strip() for part in cookie.split(";")[1:]}
        assert kept == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}
        page = client.get("/")
        assert page.status_code == 200
        assert "Ada" in page.text


@pytest.mark.parametrize("path", ["/", "/healthz", "/nowhere", "/sign-in"])
def test_browsers_are_told_to_come_back_with_tls(secured: Secured, path: str) -> None:
    with secured.client(headers=HTML) as client:
        told = client.get(path).headers.get_list("Strict-Transport-Security")
    assert told == ["max-age=31536000"]


def test_another_origin_is_the_clear_one(secured: Secured) -> None:
    with secured.client(headers=secured.reader) as client:
        clear = {"Origin": secured.url.replace("https", "http")}
        assert client.put("/api/v1/files/o", content=b"x", headers=clear).status_code == 403
        own = {"Origin": secured.url}
        assert client.put("/api/v1/files/o", content=b"x", headers=own).status_code == 201


def test_old_protocols_are_refused(secured: Secured) -> None:
    context = secured.trust
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", secured.port), timeout=30) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain, server_hostname="localhost")
    served(secured)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_large_files_go_and_come(secured: Secured, version: ssl.TLSVersion) -> None:
    content = os.urandom(3_000_000)
    context = secured.trust
    context.minimum_version = context.maximum_version = version
    with secured.client(headers=secured.reader, verify=context) as client:
        address = f"/api/v1/files/{version.name}"
        assert client.put(address, content=content).status_code == 201
        assert client.get(address).content == content
        part = client.get(address, headers={"Range": "bytes=1000000-2000000"})
        assert part.content == content[1_000_000:2_000_001]


def test_requests_in_one_record_are_all_answered(secured: Secured) -> None:
    with open_tls(secured) as client:
        client.sendall(HEALTH * 5)
        received = b""
        while received.count(b'{"status":"ok"}') < 5:
            part = client.recv(65_536)
            assert part, received
            received += part


def test_an_end_is_told_so_that_nothing_can_be_cut_off(secured: Secured) -> None:
    with open_tls(secured) as client:
        client.sendall(HEALTH.replace(b"Host", b"Connection: close\r\nHost"))
        received = b""
        while part := client.recv(65_536):  # raises where the end of TLS is missing
            received += part
    assert b'{"status":"ok"}' in received


def test_who_speaks_in_the_clear_is_told(secured: Secured) -> None:
    answer = httpx.get(secured.url.replace("https", "http") + "/healthz")
    assert answer.status_code == 400
    assert "https://" in answer.text


# --- Slow clients ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["silent", "one byte", "half a hello", "garbage", "gone"])
def test_handshakes_that_do_not_end_hold_nobody_up(secured: Secured, how: str) -> None:
    first = {"one byte": b"\x16", "half a hello": half_a_hello(), "garbage": b"\xff" * 50}
    with ExitStack() as stack:
        for _ in range(SILENT):
            client = socket.create_connection(("127.0.0.1", secured.port), timeout=30)
            stack.enter_context(client)
            client.sendall(first.get(how, b""))
            if how == "gone":
                client.close()
        served(secured)


@pytest.mark.parametrize("first", [b"", b"G", HEALTH[:-4]], ids=["silent", "a byte", "half a head"])
def test_heads_that_do_not_end_hold_nobody_up(secured: Secured, first: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(SILENT):
            client = stack.enter_context(open_tls(secured))
            if first:
                client.sendall(first)
        served(secured)


def test_half_a_request_behind_a_whole_one_holds_nobody_up(secured: Secured) -> None:
    with ExitStack() as stack:
        for _ in range(SILENT):
            client = stack.enter_context(open_tls(secured))
            client.sendall(HEALTH + HEALTH[:-4])
            assert client.recv(15) == b"HTTP/1.1 200 OK"
        served(secured)


def test_a_head_in_pieces_is_answered(secured: Secured) -> None:
    with open_tls(secured) as client:
        for piece in (HEALTH[:7], HEALTH[7:20], HEALTH[20:-1], HEALTH[-1:]):
            client.sendall(piece)
            time.sleep(0.02)
        assert client.recv(15) == b"HTTP/1.1 200 OK"


@pytest.mark.slow
def test_a_handshake_has_an_end(secured: Secured) -> None:
    with ExitStack() as stack:
        waiting = []
        for first in (b"", half_a_hello()):
            client = socket.create_connection(("127.0.0.1", secured.port), timeout=40)
            waiting.append(stack.enter_context(client))
            client.sendall(first)
        for client in waiting:
            assert client.recv(100) == b""


# --- Certificates ---------------------------------------------------------------------------------


def test_a_renewed_certificate_is_taken_up_by_a_signal(tmp_path: Path) -> None:
    server = Secured(tmp_path / "data", workers=1)
    server.start()
    try:
        before = offered(server)
        pid = server.pid
        with open_tls(server) as kept:
            kept.sendall(HEALTH)
            assert kept.recv(15) == b"HTTP/1.1 200 OK"
            certify(tmp_path)
            os.kill(pid, signal.SIGHUP)
            until(lambda: offered(server) != before)
        with server.client() as client:
            assert client.get("/healthz").status_code == 200
        # One that cannot be used leaves the old one in place, and the server up.
        after = offered(server)
        server.key.write_text("nothing")
        os.kill(pid, signal.SIGHUP)
        until(lambda: "was not renewed" in server.log.read_text())
        assert offered(server) == after
        assert server._process is not None
        assert server._process.poll() is None
    finally:
        server.stop()
    assert "Traceback" not in server.log.read_text()


def until(done: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def refusal(data: Path, **settings: object) -> str:
    """What is said instead of serving."""
    told = Installation(data, **{"no_auth": False, **settings}).run("serve", check=False)
    assert told.returncode == 2
    assert "Traceback" not in told.stderr
    return told.stderr


def test_certificates_that_cannot_be_used(tmp_path: Path) -> None:
    cert, key = certify(tmp_path)
    _, other = certify(tmp_path, "other")
    encrypted, folder = tmp_path / "encrypted.key", tmp_path / "folder"
    folder.mkdir()
    encrypted.write_bytes(
        private(
            ec.generate_private_key(ec.SECP256R1()), serialization.BestAvailableEncryption(b"x")
        )
    )
    data = tmp_path / "data"
    assert "tls_cert needs tls_key" in refusal(data, tls_cert=cert)
    assert "tls_key needs tls_cert" in refusal(data, tls_key=key)
    missing = refusal(data, tls_cert=tmp_path / "no.pem", tls_key=key)
    assert "no.pem cannot be read (No such file or directory)" in " ".join(missing.split())
    assert "tls_key:" in refusal(data, tls_cert=cert, tls_key=folder)
    assert "is not the key of" in refusal(data, tls_cert=cert, tls_key=other)
    assert "BEGIN" in refusal(data, tls_cert=key, tls_key=key)
    assert "is encrypted" in refusal(data, tls_cert=cert, tls_key=encrypted)
    assert not data.exists()


def test_a_key_that_everybody_can_read_is_told(tmp_path: Path) -> None:
    server = Secured(tmp_path / "data", workers=1)
    server.key.chmod(0o644)
    server.start()
    server.stop()
    assert "chmod 600" in server.log.read_text()
    assert f"https://127.0.0.1:{server.port}/setup?link=" in server.log.read_text()
    assert [r for r in stored_records(server) if r["event"] == "application_started"]


def test_developers_get_tls_too(tmp_path: Path) -> None:
    server = Secured(tmp_path / "data")
    with subprocess.Popen(
        [sys.executable, "-m", "strongroom", "serve", "--debug"],
        env=server.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        server._process = process
        try:
            server._wait()
        finally:
            process.terminate()
