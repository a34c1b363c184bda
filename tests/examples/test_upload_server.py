"""The tutorial's upload server, under a real server and in its own tests."""

from __future__ import annotations

import io
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from examples import upload_server
from tests.examples.conftest import Closing
from tests.examples.running import ROOT, Server, flask_run, gunicorn, named, stored


def test_it_is_short() -> None:
    source = ROOT / "examples" / "upload_server.py"
    assert len(source.read_text("utf-8").splitlines()) < 80


def wait_for(condition: Callable[[], bool]) -> None:
    """Give what is queued the time to be committed."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def use(server: Server) -> None:
    """What a person would do with it."""
    with server.client(headers={"User-Agent": "person"}) as client:
        assert client.get("/").status_code == 200
        file = {"file": ("a.txt", b"hello", "text/plain")}
        assert client.post("/", files=file).status_code == 302
        assert client.post("/", files={"file": ("a.exe", b"hello")}).status_code == 400
        assert client.get("/uploads/a.txt").content == b"hello"
        assert client.get("/uploads/none.txt?token=c4nary").status_code == 404
        assert "file_uploaded" in client.get("/logs").text


@pytest.mark.parametrize("server", ["gunicorn", "gunicorn preloading", "flask run"])
def test_every_request_leaves_its_records(tmp_path: Path, server: str) -> None:
    instance, log = tmp_path / "instance", tmp_path / "log"
    if server == "flask run":
        with flask_run("examples/upload_server.py", str(instance), log) as running:
            use(running)
            # Its threads do not outlive an interrupt, and a response is recorded when it is over.
            wait_for(lambda: len(named(stored(instance / "audit.db"), "response")) > 6)
            running.process.send_signal(signal.SIGINT)  # as people stop it
            running.process.wait(timeout=60)
    else:
        options = ["--workers", "2", "--threads", "2", "--worker-class", "gthread"]
        options += ["--preload"] if "preloading" in server else []
        with gunicorn(f"examples.upload_server:create_app('{instance}')", log, *options) as running:
            use(running)
    records = stored(instance / "audit.db")
    by_person = [record for record in records if record.get("user_agent") == "person"]
    requests, responses = named(by_person, "request"), named(by_person, "response")
    # A response is recorded when it is over; by then the next request may have been answered.
    order = [record["request_id"] for record in requests]
    responses.sort(key=lambda record: order.index(record["request_id"]))
    assert [record["request_id"] for record in responses] == order
    assert [record["status"] for record in responses] == [200, 302, 400, 200, 404, 200]
    assert not any(record["aborted"] for record in responses)

    (uploaded,) = named(by_person, "file_uploaded")
    assert uploaded["stream"] == "audit"
    expected = {"filename": "a.txt", "file_size_bytes": 5, "content_type": "text/plain"}
    assert expected.items() <= uploaded.items()
    assert uploaded["ip_address"] == uploaded["peer_address"] == "127.0.0.1"
    (refused,) = named(by_person, "upload_refused")
    assert (refused["stream"], refused["level"]) == ("ops", "warning")
    assert refused["request_id"] == responses[2]["request_id"]
    started, stopped = named(records, "application_started"), named(records, "application_stopped")
    assert started
    assert {r["pid"] for r in responses} <= {r["pid"] for r in started}
    assert len({r["pid"] for r in started}) == len(started)  # once in each process
    assert {r["pid"] for r in started} == {r["pid"] for r in stopped}
    assert "request_id" not in started[0]
    assert "c4nary" not in str(records)  # the query string, in Werkzeug's line for the request


def test_in_a_test_suite(tmp_path: Path, closing: Closing) -> None:
    app = upload_server.create_app(str(tmp_path))
    audit = closing(app)
    with app.test_client() as client:
        answer = client.post("/", data={"file": (io.BytesIO(b"hi"), "b.txt")}, buffered=True)
        assert answer.status_code == 302
        audit.store.close()  # all that is queued is on disk when this returns
        records = stored(tmp_path / "audit.db")
    of_request = [record["event"] for record in records if "request_id" in record]
    assert sorted(of_request) == ["file_uploaded", "request", "response"]
