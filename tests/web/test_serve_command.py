"""``strongroom serve``: what it refuses, what it says, and how it stops."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.cli.user import accounts_of
from tests.fault.stored import stored_records
from tests.serving import Installation, free_port
from tests.starting import run
from tests.web.household import HERE, PASSWORD
from tests.web.wire import api, put, send

Serve = Callable[..., Installation]


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:{port}", "[::]:{port}", "192.0.2.1:{port}", "example.org:{port}"]
)
def test_in_the_clear_it_listens_on_loopback_only(tmp_path: Path, listen: str) -> None:
    address = listen.format(port=free_port())
    told = _refused(tmp_path, listen=address, no_auth=False)
    assert address in told
    assert "other machines" in told
    for way_out in ("tls_cert", "trusted_proxies", "127.0.0.1", "insecure_http"):
        assert way_out in told


@pytest.mark.parametrize(
    "way",
    [
        {"listen": "0.0.0.0:1"},
        {"listen": "0.0.0.0:1", "insecure_http": True},
        {"listen": "192.0.2.1:1", "trusted_proxies": "192.0.2.2"},
        {"listen": "127.0.0.1:1", "trusted_proxies": "127.0.0.1"},
    ],
)
def test_without_sign_in_it_is_for_this_machine_only(
    tmp_path: Path, way: dict[str, object]
) -> None:
    told = _refused(tmp_path, no_auth=True, **way)
    assert "no_auth" in told
    assert "nobody would be asked to sign in" in told


def _refused(folder: Path, **settings: object) -> str:
    """What is said instead of serving, in one line."""
    refused = Installation(folder / "data", **settings).run("serve", check=False)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert not (folder / "data").exists()
    return " ".join(refused.stderr.split())


def test_the_link_to_begin_with_is_shown_until_somebody_has_an_account(tmp_path: Path) -> None:
    installation = Installation.with_accounts(tmp_path / "data", workers=1).start()
    [link] = re.findall(r"http://\S+/setup\?link=\S+", installation.log.read_text())
    assert link.startswith(f"{installation.url}/")
    with accounts_of({"data": str(installation.data)}) as accounts:
        accounts.set_up(link.partition("=")[2], "Ada", PASSWORD, where=HERE)
    installation.stop()
    assert "Nobody is asked to sign in" not in installation.log.read_text()
    installation.log.unlink()
    installation.start()
    installation.stop()
    log = installation.log.read_text()
    assert "Strongroom serves" in log
    assert "setup?link=" not in log
    assert "sign_in_disabled" not in log


def test_without_sign_in_is_said_loudly_and_recorded(serve: Serve) -> None:
    server = serve(workers=1)
    server.stop()
    assert "Nobody is asked to sign in (no_auth)" in server.log.read_text()
    [told] = [r for r in stored_records(server) if r["event"] == "sign_in_disabled"]
    assert (told["stream"], told["level"]) == ("ops", "warning")


@pytest.mark.parametrize(
    ("setting", "value", "hint"),
    [
        ("listen", "8000", "127.0.0.1:8000"),
        ("listen", "127.0.0.1:99999", "127.0.0.1:8000"),
        ("workers", "0", "greater than or equal to 1"),
        ("workers", "many", "integer"),
        ("max_upload_bytes", "lots", "10GiB"),
        ("log_format", "xml", "'console', 'json' or 'logfmt'"),
        ("audit_failure", "ignore", "'refuse' or 'continue'"),
        ("database", "postgresql://localhost/x", "not supported yet"),
        ("database", "nonsense", "not a database URL"),
        ("objects", "s3://bucket/prefix", "not supported yet"),
        ("trusted_proxies", "proxy.example", "10.0.0.0/8"),
        ("trusted_proxies", "0.0.0.0/0", "believe everybody"),
        ("allowed_hosts", "https://files.example", "without scheme"),
        ("config", "/nowhere/strongroom.toml", "there is no file"),
    ],
)
def test_a_setting_that_cannot_be_used(tmp_path: Path, setting: str, value: str, hint: str) -> None:
    refused = Installation(tmp_path / "data", **{setting: value}).run("serve", check=False)
    assert refused.returncode == 2
    assert f"{setting}:" in refused.stderr.lower().replace("strongroom_", "")
    assert hint in refused.stderr
    assert "Traceback" not in refused.stderr


def test_one_server_for_one_folder(serve: Serve, tmp_path: Path) -> None:
    first = serve(workers=1)
    second = Installation(first.data)
    refused = second.run("serve", check=False)
    assert refused.returncode == 2
    assert "another server" in refused.stderr
    assert str(first.data) in refused.stderr
    assert put(first, "still serving.txt")
    # However the first one ends, the folder is free again.
    first.kill()
    second.start()
    try:
        assert send(second, "GET", api("still serving.txt")).status == 200
    finally:
        second.stop()


def test_an_unknown_setting_is_told(serve: Serve) -> None:
    server = serve(workers=1, max_upload_size="1GB")
    log = server.log.read_text()
    assert "STRONGROOM_MAX_UPLOAD_SIZE" in log
    assert "ignored" in log
    assert server.run("doctor", check=False).returncode == 1


def test_a_busy_port_is_told(serve: Serve, tmp_path: Path) -> None:
    first = serve(workers=1)
    other = Installation(tmp_path / "other", listen=f"127.0.0.1:{first.port}")
    refused = other.run("serve", check=False)
    assert refused.returncode in (2, 3)
    assert str(first.port) in refused.stderr
    assert "Strongroom serves" not in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    refused = Installation(tmp_path / "data").run("serve", check=False)
    assert refused.returncode in (2, 3)
    assert str(tmp_path / "data") in refused.stderr
    assert "Traceback" not in refused.stderr


def test_flags_beat_variables_beat_the_file(tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text('max_upload_bytes = "1kB"\nworkers = 1\nlisten = "127.0.0.1:1"\n')
    installation = Installation(tmp_path / "data", config=config, max_upload_bytes="2kB").start()
    try:  # workers from the file, port from the environment
        assert send(installation, "PUT", api("a"), bytes(1500)).status == 201
        assert send(installation, "PUT", api("b"), bytes(2500)).status == 413
    finally:
        installation.stop()
    refused = installation.run("serve", "--listen", "0.0.0.0:1", check=False)
    assert "0.0.0.0:1" in refused.stderr


def test_a_stop_in_good_order_is_recorded(serve: Serve) -> None:
    server = serve(workers=3)
    put(server, "a.txt")
    deadline = time.monotonic() + 30.0
    while len(server.records("event:application_started")) < 3:
        assert time.monotonic() < deadline, "not every worker has started"
        time.sleep(0.1)
    process = server._process
    server.stop()
    assert process is not None
    assert process.returncode == 0
    records = stored_records(server)
    for event in ("application_started", "application_stopped"):
        assert len({r["pid"] for r in records if r["event"] == event}) == 3
    assert [r for r in records if r["level"] in ("error", "critical")] == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_when_told(serve: Serve, how: signal.Signals) -> None:
    server = serve(workers=1)
    process = server._process
    assert process is not None
    os.kill(process.pid, how)
    assert process.wait(30) == 0
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("form", ["json", "logfmt", "console"])
def test_records_are_printed(serve: Serve, form: str) -> None:
    server = serve(workers=1, log_format=form)
    put(server, "日本語 printed.txt")
    server.stop()
    log = server.log.read_text(encoding="utf-8")
    assert "Strongroom serves" in log
    assert f"http://127.0.0.1:{server.port}/" in log
    assert "Nobody is asked to sign in (no_auth)" in log
    [line] = [line for line in log.splitlines() if "file_uploaded" in line]
    assert "日本語 printed.txt" in line
    assert "127.0.0.1" not in line  # addresses are kept for thirty days only, a log may be for ever
    if form == "json":
        record = json.loads(line)
        [stored] = [r for r in stored_records(server) if r["event"] == "file_uploaded"]
        network = {"ip_address", "peer_address", "user_agent"}
        place = {"stream", "seq"}
        assert record == {k: v for k, v in stored.items() if k not in network | place}


def test_addresses_are_printed_on_request(serve: Serve) -> None:
    server = serve(workers=1, log_network=True)
    put(server, "a.txt")
    server.stop()
    [line] = [line for line in server.log.read_text().splitlines() if "file_uploaded" in line]
    assert json.loads(line)["ip_address"] == "127.0.0.1"


def test_printing_can_be_switched_off(serve: Serve) -> None:
    server = serve(workers=1, log_output="none")
    put(server, "a.txt")
    server.stop()
    assert "file_uploaded" not in server.log.read_text()
    assert [r for r in stored_records(server) if r["event"] == "file_uploaded"]


def test_a_lost_standard_error_harms_nobody(tmp_path: Path) -> None:
    """Whoever read what was printed is gone: the server serves and records all the same."""
    installation = Installation(tmp_path / "data", workers=1)
    os.mkfifo(installation.log)
    reader = os.open(installation.log, os.O_RDONLY | os.O_NONBLOCK)
    try:
        installation.start()
    finally:
        os.close(reader)
    for number in range(3):
        put(installation, f"file {number}")
    process = installation._process
    installation.stop()
    assert process is not None
    assert process.returncode == 0
    records = stored_records(installation)
    assert len([r for r in records if r["event"] == "file_uploaded"]) == 3
    assert [r for r in records if r["event"] == "application_stopped"]


def test_help_and_version() -> None:
    module = [sys.executable, "-m", "strongroom", "--version"]
    told = [subprocess.run(module, capture_output=True, text=True, check=True)]
    asked = (["--help"], ["serve", "--help"], ["--version"], ["log", "--help"])
    told += [run(arguments, os.environ, Path.cwd(), timeout=60) for arguments in asked]
    for done in told:
        assert done.returncode == 0
        assert done.stdout
        assert not done.stderr
