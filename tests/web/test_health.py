"""Health checks and assets: answered, counted, and not recorded one by one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.fault.stored import stored_records
from tests.serving import Installation
from tests.web.wire import HTML, send

Serve = Callable[..., Installation]


def test_it_lives_and_is_ready(server: Installation) -> None:
    for target in ("/healthz", "/readyz"):
        answer = send(server, "GET", target)
        assert (answer.status, answer.json()) == (200, {"status": "ok"})
        assert server.records(f"request_id:{answer.request_id}") == []
        assert send(server, "HEAD", target).status == 200


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
