"""A small shop: blueprints, error handlers, an answer that streams, and evidence of every order.

    flask --app examples/shop.py run

Orders and records are in one database, ``instance/shop.db``, so that an order and the record of
it commit together or not at all. Try it::

    curl -X POST http://127.0.0.1:5000/orders/ -H 'X-Customer: ada' -d article=tea -d quantity=2
    curl http://127.0.0.1:5000/orders/export.csv
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import structlog
from flask import Blueprint, Flask, current_app, request, stream_with_context
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from strongroom import AuditLog, Catalogue, Event, Level, Outcome, Stream, declare

log = structlog.get_logger()
audit_of_shop = "shop.audit"

# Events: what happens here that somebody may want to have proof of.


@declare(
    "order_placed",
    stream=Stream.AUDIT,
    levels={Outcome.SUCCESS: Level.INFO},
    own_fields=True,  # `article` and `quantity` are ours: they are stored as extra.article, …
)
class OrderPlaced(Event):
    """A customer ordered something, and the order is stored."""

    article: str
    quantity: int


@declare("order_refused", stream=Stream.AUDIT, levels={Outcome.DENIED: Level.WARNING})
class OrderRefused(Event):
    """An order was not accepted."""

    reason: str


class OutOfStock(Exception):
    """There is not enough of it."""


# Orders: a blueprint that writes.

orders = Blueprint("orders", __name__)


@orders.before_request
def who() -> None:
    """Say who it is, once, for every record of this request. (A real shop checks a session.)"""
    customer = request.headers.get("X-Customer")
    if customer:
        structlog.contextvars.bind_contextvars(user_id=customer)


@orders.post("/")
def place() -> tuple[dict[str, object], int]:
    """Store an order, and the record of it, in one transaction."""
    article = request.form["article"]
    quantity = request.form.get("quantity", 1, type=int)
    if quantity > 100:
        raise OutOfStock(article)
    audit = shop_audit()
    with connect() as connection, audit.transaction(connection):
        connection.execute(
            "insert into shop_order (article, quantity) values (?, ?)", (article, quantity)
        )
        audit.log(OrderPlaced(article=article, quantity=quantity))
    return {"article": article, "quantity": quantity}, 201


@orders.get("/export.csv")
def export() -> Response:
    """All orders, row by row: the request lasts until the last one is sent."""

    def rows() -> Iterator[str]:
        connection = connect()
        log.info("export_begun")
        count = 0
        yield "article,quantity\n"
        for article, quantity in connection.execute("select article, quantity from shop_order"):
            count += 1
            yield f"{article},{quantity}\n"
        connection.close()
        log.info("export_ended", rows=count)

    return Response(stream_with_context(rows()), mimetype="text/csv")


# Articles: a blueprint that only reads.

articles = Blueprint("articles", __name__)


@articles.get("/<name>")
def show(name: str) -> dict[str, str]:
    """One article; the shop falls over when asked for its price."""
    if name == "priceless":
        raise ZeroDivisionError("no price was set")
    return {"name": name}


# The shop as a whole.


def out_of_stock(error: OutOfStock) -> tuple[dict[str, str], int]:
    """Refused, and recorded as refused."""
    shop_audit().log(OrderRefused(reason="out_of_stock"))
    return {"error": f"there is not enough {error}"}, 409


def bad_request(error: BadRequest) -> tuple[dict[str, str], int]:
    """The client's mistake."""
    return {"error": error.description or "bad request"}, 400


def connect() -> sqlite3.Connection:
    """A connection to the shop's database."""
    return sqlite3.connect(Path(current_app.instance_path) / "shop.db")


def shop_audit() -> AuditLog:
    """The audit log of the running application."""
    audit: AuditLog = current_app.extensions[audit_of_shop]
    return audit


def create_app(instance: str | None = None) -> Flask:
    """The shop; ``instance`` is the folder with its database."""
    app = Flask(__name__, instance_path=instance)
    app.register_blueprint(orders, url_prefix="/orders")
    app.register_blueprint(articles, url_prefix="/articles")
    app.register_error_handler(OutOfStock, out_of_stock)
    app.register_error_handler(BadRequest, bad_request)
    app.extensions[audit_of_shop] = AuditLog(
        app, database="sqlite:///shop.db", catalogue=Catalogue(OrderPlaced, OrderRefused)
    )
    with app.app_context(), connect() as connection:
        connection.execute("create table if not exists shop_order (article text, quantity int)")
    return app
