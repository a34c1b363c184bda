"""Which names a server answers to that other machines can reach, and headers of its answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from strongroom.settings import load
from tests.serving import Installation
from tests.web.secured import Secured, application
from tests.web.wire import HTML, JSON, send

PEER = {"REMOTE_ADDR": "203.0.113.9"}


def asked(client: FlaskClient, host: str) -> tuple[int, Any]:
    """The answer to a visitor from elsewhere."""
    answer = client.get("/healthz", headers={**JSON, "Host": host}, environ_base=PEER)
    return answer.status_code, (answer.json or {}).get("reason")


@pytest.mark.parametrize("listen", ["0.0.0.0:8000", "[::]:8000"])
def test_everywhere_it_answers_to_its_names_alone(tmp_path: Path, listen: str) -> None:
    names = {"insecure_http": True, "allowed_hosts": "files.example,[fd00::7]"}
    with application(tmp_path / "data", listen=listen, **names) as client:
        for host in (
            "files.example", "FILES.example:8000", "localhost:8000", "[::1]", "[FD00::7]:8000"
        ):  # fmt: skip
            assert asked(client, host) == (200, None)
        for host in (
            "0.0.0.0:8000", "[::]:8000", "evil.example", "files.example.evil.example",
            "192.0.2.1:8000", "files.example@evil.example", "files.example:8000:evil",
            ".files.example", "",
        ):  # fmt: skip
            assert asked(client, host) == (421, "host_not_allowed"), host


def test_an_address_of_this_machine_is_a_name_too(tmp_path: Path) -> None:
    here = {"listen": "192.0.2.1:8000", "insecure_http": True}
    with application(tmp_path / "data", **here) as client:
        assert asked(client, "192.0.2.1:8000") == (200, None)
        assert asked(client, "192.0.2.2:8000") == (421, "host_not_allowed")


def test_the_greeting_says_names_and_how_to_add_some(tmp_path: Path) -> None:
    """It does not listen further than this machine here: the words alone are looked at."""
    settings = load(
        data=tmp_path, listen="0.0.0.0:8000", insecure_http=True, allowed_hosts="files.example"
    )
    from strongroom.cli.serve import _greet  # noqa: PLC0415

    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("click.echo", lambda text, err: told.append(f"{err and text}"))
        _greet(settings, None)
    text = re.sub(r"\x1b\[\d+m", "", " ".join(told))
    assert "http://files.example:8000/" in text
    assert "0.0.0.0" not in text
    assert "files.example, localhost" in text
    assert "allowed_hosts" in text
    assert "Nothing is encrypted (insecure_http)" in text


HEADERS = {
    "Content-Security-Policy": r"default-src 'none'; .*frame-ancestors 'none'",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Origin-Agent-Cluster": r"\?1",
    "Permissions-Policy": r"camera=\(\), .*",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
}


@pytest.mark.parametrize("path", ["/", "/healthz", "/nowhere", "/logs", "/api/v1/files/none"])
def test_every_answer_tells_browsers_what_not_to_do(small: Installation, path: str) -> None:
    answer = send(small, "GET", path, headers=HTML)
    for name, value in HEADERS.items():
        assert re.fullmatch(value, answer.header(name)), name
    assert "Strict-Transport-Security" not in answer.headers  # not over TLS
    assert "Clear-Site-Data" not in answer.headers


def test_names_count_behind_tls_as_well(tmp_path: Path) -> None:
    server = Secured(tmp_path / "data", workers=1, allowed_hosts="files.example")
    server.start()
    try:
        with server.client() as client:
            for host, status in (("files.example", 200), ("evil.example", 421)):
                assert client.get("/healthz", headers={"Host": host}).status_code == status
    finally:
        server.stop()
