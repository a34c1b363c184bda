"""``flask run`` on Ctrl-C: what was logged until then is kept, what still runs is broken off."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx

from tests.examples.running import flask_run, named, stored

APP = """
import threading
import structlog
from flask import Flask
from strongroom import AuditLog

def create_app(instance):
    app = Flask("app", instance_path=instance)
    AuditLog(app, viewer=None)

    @app.get("/waits")
    def waits():
        structlog.get_logger().info("waiting")
        threading.Event().wait()

    return app
"""


def test_a_request_that_is_running_is_not_waited_for(tmp_path: Path) -> None:
    program, database = tmp_path / "waiting.py", tmp_path / "audit.db"
    program.write_text(APP)
    with flask_run(str(program), str(tmp_path), tmp_path / "log") as server:

        def ask() -> None:
            with suppress(httpx.TransportError), server.client() as client:
                client.get("/waits")

        asking = threading.Thread(target=ask)
        asking.start()
        deadline = time.monotonic() + 30
        while not named(stored(database), "waiting"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.process.send_signal(signal.SIGINT)
        server.process.wait(timeout=60)
        asking.join()
    found = stored(database)
    (waiting,) = named(found, "waiting")
    of_it = [r["event"] for r in found if r.get("request_id") == waiting["request_id"]]
    assert of_it == ["request", "waiting"]
    assert len(named(found, "application_stopped")) == 1
