"""An application with blueprints, error handlers and streaming answers keeps working, recorded."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from examples import shop
from strongroom.audit.events import Stream
from strongroom.audit.journal.check import check_stream
from tests.examples.conftest import Closing
from tests.examples.running import Record, gunicorn, named, stored

ADA = {"X-Customer": "ada", "User-Agent": "person"}


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Record], str]:
    """What a visit to the shop under a real server left: records, and what was printed."""
    folder = tmp_path_factory.mktemp("shop")
    log = folder / "log"
    target = f"examples.shop:create_app('{folder}')"
    with (
        gunicorn(target, log, "--worker-class", "gthread", "--threads", "4") as server,
        server.client(headers=ADA) as client,
    ):
        for quantity in (2, 3):
            form = {"article": "tea", "quantity": quantity}
            assert client.post("/orders/", data=form).status_code == 201
        refused = client.post("/orders/", data={"article": "tea", "quantity": 101})
        assert refused.json() == {"error": "there is not enough tea"}
        assert client.post("/orders/", data={}).status_code == 400
        assert client.get("/orders/export.csv").text == "article,quantity\ntea,2\ntea,3\n"
        assert client.get("/articles/priceless").status_code == 500
        assert client.get("/articles/tea").json() == {"name": "tea"}
    records = [r for r in stored(folder / "shop.db") if r.get("user_agent") == "person"]
    return records, log.read_text()


def test_one_request_and_one_response_each(visited: tuple[list[Record], str]) -> None:
    records, _ = visited
    responses = named(records, "response")
    assert [r["status"] for r in responses] == [201, 201, 409, 400, 200, 500, 200]
    requests = named(records, "request")
    assert [r["request_id"] for r in requests] == [r["request_id"] for r in responses]


def test_evidence_with_fields_of_its_own(visited: tuple[list[Record], str]) -> None:
    records, _ = visited
    first, second = named(records, "order_placed")
    assert (first["stream"], first["user_id"]) == ("audit", "ada")
    assert first["extra"] == {"article": "tea", "quantity": 2}
    assert second["extra"] == {"article": "tea", "quantity": 3}
    (refused,) = named(records, "order_refused")
    assert (refused["reason"], refused["level"]) == ("out_of_stock", "warning")


def test_a_stream_has_the_context_of_its_request(visited: tuple[list[Record], str]) -> None:
    records, _ = visited
    (begun,), (ended,) = named(records, "export_begun"), named(records, "export_ended")
    response = named(records, "response")[4]
    assert begun["request_id"] == ended["request_id"] == response["request_id"]
    assert ended["extra"] == {"rows": 2}
    assert response["bytes_out"] == len("article,quantity\ntea,2\ntea,3\n")
    assert not response["aborted"]


def test_a_failure_is_recorded_once_and_printed_as_ever(visited: tuple[list[Record], str]) -> None:
    records, printed = visited
    (failed,) = named(records, "unhandled_exception")
    assert failed["error_type"] == "ZeroDivisionError"
    assert failed["exception"][0]["frames"][-1]["name"] == "show"
    assert failed["request_id"] == named(records, "response")[5]["request_id"]
    assert named(records, "message_logged") == []
    assert "Exception on /articles/priceless [GET]" in printed
    assert "ZeroDivisionError: no price was set" in printed


def test_an_order_that_fails_leaves_neither_row_nor_record(
    tmp_path: Path, closing: Closing, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = shop.create_app(str(tmp_path))
    audit = closing(app)
    client = app.test_client()
    order = {"article": "tea", "quantity": "1"}
    assert client.post("/orders/", data=order, headers=ADA, buffered=True).status_code == 201

    def unreadable(*_: object, **__: object) -> None:
        raise OSError("after the row was written")

    with monkeypatch.context() as patched:
        patched.setattr(shop, "OrderPlaced", unreadable)
        assert client.post("/orders/", data=order, headers=ADA, buffered=True).status_code == 500
    assert client.post("/orders/", data=order, headers=ADA, buffered=True).status_code == 201
    audit.store.close()
    connection = sqlite3.connect(tmp_path / "shop.db")
    assert connection.execute("select count(*) from shop_order").fetchone() == (2,)
    connection.close()
    assert len(named(stored(tmp_path / "shop.db"), "order_placed")) == 2
    assert check_stream(audit.store, Stream.AUDIT) == 2
