"""Alerts of the production server, and the command that tries them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing

from strongroom.files.blobs import key_of
from tests.serving import Installation
from tests.unit.test_alerting import Receiver
from tests.web.wire import PATIENCE, api, put, send

Serve = Callable[..., Installation]


def test_a_critical_record_is_told_and_the_command_tries(serve: Serve) -> None:
    with closing(Receiver()) as receiver:
        server = serve(workers=2, alert_webhook=receiver.address)
        tried = server.run("alert", "test")
        assert tried.stdout.startswith("✓ webhook to http://127.0.0.1")
        assert "HTTP 204" in tried.stdout
        assert "secret" not in tried.stdout
        assert receiver.got.pop()["test"] is True

        file = put(server, "a.txt", b"content")
        (server.data / "objects" / key_of(file["sha256"])).unlink()
        assert send(server, "GET", api("a.txt")).status == 500
        deadline = time.monotonic() + PATIENCE
        while not receiver.got:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        [message] = receiver.got
        [alert] = message["alerts"]
        [record] = server.records("event:content_damaged")
        assert (alert["id"], alert["event"]) == (record["id"], "content_damaged")
        assert alert["link"] == f"{server.url}/logs/{record['id']}"
        assert message["test"] is False
        assert "a.txt" not in json.dumps(message)

        receiver.status = 500
        failed = server.run("alert", "test", "--json", check=False)
        assert failed.returncode == 3
        [told] = json.loads(failed.stdout)
        assert (told["taken"], told["destination"]) == (False, "webhook")
        assert "500" in told["said"]


def test_without_a_destination_the_command_says_what_to_set(serve: Serve) -> None:
    server = serve(workers=1)
    refused = server.run("alert", "test", check=False)
    assert refused.returncode == 2
    assert "alert_webhook" in refused.stderr
    wrong = Installation(server.data, alert_webhook="ftp://a").run("alert", "test", check=False)
    assert wrong.returncode == 2
    assert "alert_webhook" in wrong.stderr
