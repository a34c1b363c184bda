"""Health checks and assets: answered, counted, and not recorded one by one."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.fault.stored import stored_records
from tests.serving import Installation
from tests.web.wire import HTML, put, send

Serve = Callable[..., Installation]


def test_it_lives_and_is_ready(server: Installation) -> None:
    for target in ("/healthz", "/readyz"):
        answer = send(server, "GET", target)
        assert (answer.status, answer.json()) == (200, {"status": "ok"})
        assert server.records(f"request_id:{answer.request_id}") == []
        assert send(server, "HEAD", target).status == 200


def test_it_is_not_ready_once_the_evidence_is_in_danger(serve: Serve) -> None:
    """A record that is removed before it is signed stops the signing, within a second or two."""
    server = serve(workers=2)
    put(server, "a.txt")
    with closing(
        sqlite3.connect(server.data / "strongroom.db", isolation_level=None)
    ) as connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute("BEGIN IMMEDIATE")  # nobody signs meanwhile
        [last] = connection.execute(
            "SELECT max(seq) FROM journal WHERE stream = 'audit'"
        ).fetchone()
        connection.execute(
            "UPDATE journal SET entry = x'7b7d' WHERE stream='audit' AND seq = ?", [last]
        )
        connection.execute("DELETE FROM ledger_checkpoint")
        connection.execute("DELETE FROM ledger_tile")
        connection.execute("COMMIT")
    deadline = time.monotonic() + 20
    while (answer := send(server, "GET", "/readyz")).status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert answer.json() == {"status": "unavailable", "ledger": "does not hold"}
    [failed] = server.records("event:verification_failed")
    assert (failed["stream"], failed["level"]) == ("audit", "critical")
    assert "do not give the tree" in failed["extra"]["failure"]
    assert send(server, "GET", "/healthz").status == 200
    put(server, "b.txt")  # it goes on recording


ASSET = re.compile(r'(?:href|src)="(/[^"]*static/[^"]*)"')


@pytest.mark.parametrize("page", ["/", "/logs"])
def test_a_page_finds_its_assets(server: Installation, page: str) -> None:
    """Every asset is there, may be kept for ever, and comes from here."""
    html = send(server, "GET", page, headers=HTML).text
    addresses = ASSET.findall(html)
    assert {address.partition("?")[0].rpartition(".")[2] for address in addresses} >= {"css", "js"}
    for address in addresses:
        answer = send(server, "GET", address)
        assert answer.status == 200, address
        assert answer.body
        kept = answer.header("Cache-Control")
        assert "immutable" in kept
        assert "max-age=31536000" in kept
        assert server.records(f"request_id:{answer.request_id}") == []
    assert not re.search(r'(?:href|src|action)="(?:https?:)?//', html)
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", html)


def test_an_asset_with_an_old_address_is_not_kept_for_ever(server: Installation) -> None:
    answer = send(server, "GET", "/static/shell.css")
    assert "immutable" not in answer.header("Cache-Control")


def test_counts_are_recorded_when_the_server_stops(serve: Serve) -> None:
    server = serve()
    wanted = {"healthz": 7, "readyz": 5, "static": 6}
    for _ in range(7):
        send(server, "GET", "/healthz")
    for _ in range(5):
        send(server, "GET", "/readyz")
    for _ in range(2):
        for asset in ("/static/shell.css", "/files/static/files.js", "/logs/static/viewer.css"):
            send(server, "GET", asset)
    server.stop()
    counted = [r for r in stored_records(server) if r["event"] == "requests_counted"]
    totals = {label: sum(r["extra"].get(label, 0) for r in counted) for label in wanted}
    # The harness itself waited for /healthz to answer.
    assert totals["healthz"] >= wanted["healthz"]
    assert {**totals, "healthz": 7} == wanted
    assert all(r["count"] == sum(r["extra"].values()) for r in counted)
    assert all((r["level"], r["stream"]) == ("info", "ops") for r in counted)
