"""``AuditLog(identify=…)``: an application of other people's says who sent a request."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask, session
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from strongroom import AuditLog
from strongroom.audit.pipeline import trouble

SESSION = "0190163d-8694-739b-aea5-966c26f8ad91"
TOKEN = "5b8f3e0e-3f0c-4b7e-9c55-6d1f2d4a7c10"
SECRET = "Zb1q0hXn4mVvKx3oUuD7pQ"
"""Looks like nothing in particular, as secrets of sessions do."""

ADA = {"user_id": "u-31", "session_id": SESSION}
IDS = ("user_id", "session_id", "token_id")

Identify = Callable[[Any], Mapping[str, object] | None]
Made = tuple[Flask, AuditLog]
Make = Callable[..., Made]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Applications that are watched, each with a journal of its own."""
    logs: list[AuditLog] = []

    def one(identify: Identify | None, name: str = "app", **options: Any) -> Made:
        app = Flask(name, instance_path=str(tmp_path / name))
        logs.append(AuditLog(app, identify=identify, signing=None, **options))

        @app.route("/pay/<number>", methods=["GET", "POST"])
        def pay(number: str) -> str:
            structlog.get_logger().info("invoice_paid", number=number)
            return "paid"

        return app, logs[-1]

    yield one
    for audit in logs:
        audit.close()


def of_requests(audit: AuditLog) -> list[dict[str, Any]]:
    """What was recorded of requests, oldest first."""
    return [record for record in audit.records() if "request_id" in record]


def ids(record: Mapping[str, Any]) -> dict[str, Any]:
    """Who it says it was."""
    return {name: record[name] for name in IDS if name in record}


def visit(app: Flask, path: str = "/pay/7", **arguments: Any) -> int:
    """Ask for it; the status."""
    return app.test_client().get(path, buffered=True, **arguments).status_code


@pytest.mark.parametrize(
    "who", [{"user_id": "u-31", "token_id": TOKEN}, ADA, {"user_id": "ada@example.org"}, {}, None]
)
def test_every_record_of_the_request_says_who(make: Make, who: Mapping[str, object] | None) -> None:
    app, audit = make(lambda _environ: who)
    visit(app)
    found = of_requests(audit)
    assert [record["event"] for record in found] == ["request", "invoice_paid", "response"]
    for record in found:
        assert ids(record) == (who or {})


def test_it_is_asked_once_and_sees_what_was_sent(make: Make) -> None:
    seen: list[tuple[str, str]] = []

    def who(environ: Any) -> Mapping[str, object]:
        seen.append((environ["PATH_INFO"], environ["HTTP_AUTHORIZATION"]))
        return ADA

    app, audit = make(who)
    for path in ("/pay/7", "/nowhere"):
        visit(app, path, headers={"Authorization": "Bearer x"})
    assert seen == [("/pay/7", "Bearer x"), ("/nowhere", "Bearer x")]
    assert [ids(record) for record in of_requests(audit)] == [ADA] * 5


def test_it_is_not_asked_for_what_is_only_counted(make: Make) -> None:
    asked: list[str] = []

    def who(environ: Any) -> None:
        asked.append(environ["PATH_INFO"])

    app, audit = make(who, counted={"/pay/": "payments"})
    visit(app)
    visit(app, "/logs/static/viewer.css")
    visit(app, "/nowhere")
    assert asked == ["/nowhere"]
    assert [record["event"] for record in of_requests(audit)] == (
        ["invoice_paid", "request", "response"]
    )


def test_it_may_be_set_later_and_taken_away(make: Make) -> None:
    app, audit = make(None)
    for identify in (None, lambda _environ: ADA, None):
        audit.identify = identify
        visit(app)
    found = [ids(r) for r in of_requests(audit) if r["event"] == "request"]
    assert found == [{}, ADA, {}]


def test_what_raises_in_it_is_told_once_and_hurts_nobody(
    make: Make, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trouble, "_said", set())

    def who(_environ: Any) -> Mapping[str, object]:
        raise LookupError(f"no such session: {SECRET}")

    app, audit = make(who)
    assert [visit(app) for _ in range(3)] == [200] * 3
    assert [ids(record) for record in of_requests(audit)] == [{}] * 9
    told = [line for line in capsys.readouterr().err.splitlines() if "identify" in line]
    assert len(told) == 1
    assert "LookupError" in told[0]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"session_id": SECRET}, {"session_id": "[redacted]"}),
        ({"token_id": f"srt_{SECRET}"}, {"token_id": "[redacted]"}),
        ({"session_id": SESSION.upper()}, {"session_id": "[redacted]"}),
        ({"session_id": SECRET.encode()}, {}),
        ({"token_id": 7}, {}),
        ({"user_id": 31}, {}),
        ({"user_id": ["u-31"]}, {}),
        ({"user_id": None}, {}),
        ({"user_id": "u-31\n\x1b[2J"}, {"user_id": "u-31\n\x1b[2J"}),
        ({"user_id": f"Bearer {SECRET}"}, {"user_id": "Bearer [redacted]"}),
        ({"password": SECRET, "cookie": SECRET, "secret": SECRET, "name": "Ada"}, {}),
    ],
)
def test_what_is_no_id_is_not_taken_for_one(
    make: Make, tmp_path: Path, given: Mapping[str, object], kept: Mapping[str, object]
) -> None:
    app, audit = make(lambda _environ: given)
    assert visit(app) == 200
    for record in of_requests(audit):
        assert ids(record) == kept
    audit.close()
    for file in (tmp_path / "app").iterdir():
        assert SECRET.encode() not in file.read_bytes()


def test_a_long_id_is_cut(make: Make) -> None:
    app, audit = make(lambda _environ: {"user_id": "u" * 10_000})
    visit(app)
    for record in of_requests(audit):
        assert len(record["user_id"]) < 200


@pytest.mark.parametrize("given", ["u-31", 31, [("user_id",)]])
def test_an_answer_that_is_none_hurts_nobody(make: Make, given: Any) -> None:
    app, audit = make(lambda _environ: given)
    assert visit(app) == 200
    assert [ids(record) for record in of_requests(audit)] == [{}] * 3


def test_it_says_who_and_nothing_else(make: Make) -> None:
    app, audit = make(lambda _environ: {**ADA, "path": "/else", "ip_address": "203.0.113.9"})
    visit(app)
    for record in of_requests(audit):
        assert (record["path"], record["ip_address"]) == ("/pay/7", "127.0.0.1")


@pytest.mark.parametrize("bound", [False, True])
def test_a_log_call_cannot_say_otherwise(make: Make, tmp_path: Path, bound: bool) -> None:
    app, audit = make(lambda _environ: ADA)

    @app.get("/otherwise")
    def otherwise() -> str:
        more = {"session_id": SECRET, "token_id": SECRET}
        if bound:
            structlog.contextvars.bind_contextvars(**more)
            structlog.get_logger().info("searched")
        else:
            structlog.get_logger().info("searched", user_id="u-1", **more)
        return ""

    visit(app, "/otherwise")
    _, searched, response = of_requests(audit)
    assert ids(searched) == ids(response) == ADA
    said = {"session_id": "[redacted]", "token_id": "[redacted]"}
    assert searched["extra"] == (said if bound else {"user_id": "u-1", **said})
    audit.close()
    for file in (tmp_path / "app").iterdir():
        assert SECRET.encode() not in file.read_bytes()


def test_an_id_outside_of_requests_is_no_context(make: Make) -> None:
    _, audit = make(lambda _environ: ADA)
    structlog.get_logger().info("cache_warmed", session_id=SESSION)
    record = audit.records("event:cache_warmed")[-1]
    assert ids(record) == {}
    assert record["extra"] == {"session_id": "[redacted]"}


def test_applications_in_one_another_each_ask_their_own(make: Make) -> None:
    outer, outer_log = make(lambda _environ: ADA, "outer")
    inner, inner_log = make(lambda _environ: {"user_id": "u-2", "token_id": TOKEN}, "inner")
    plain, plain_log = make(None, "plain")
    mounted = DispatcherMiddleware(
        outer.wsgi_app, {"/inner": inner.wsgi_app, "/plain": plain.wsgi_app}
    )
    around = Flask("around", instance_path=outer.instance_path)
    around.wsgi_app = mounted  # type: ignore[method-assign]  # Flask's way to wrap
    outer_log.init_app(around)
    client = Client(around.wsgi_app)
    for path in ("/inner/pay/1", "/plain/pay/2", "/pay/3"):
        client.get(path).close()
    inside = [(r["event"], ids(r)) for r in of_requests(inner_log)]
    whoever = {"user_id": "u-2", "token_id": TOKEN}
    assert inside == [(name, whoever) for name in ("request", "invoice_paid", "response")]
    assert [ids(record) for record in of_requests(plain_log)] == [{}] * 3
    asked = [(r["event"], ids(r)) for r in of_requests(outer_log) if r["event"] != "invoice_paid"]
    assert asked == [("request", ADA), ("response", ADA)] * 3
    (paid,) = [r for r in of_requests(outer_log) if r["event"] == "invoice_paid"]
    assert ids(paid) == ADA


def test_the_page_tells_how(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "add-to-your-application.md"
    (code,) = [
        c
        for c in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
        if "def who(" in c
    ]
    names: dict[str, Any] = {"__name__": "page"}
    exec(code.replace("Flask(__name__", f"Flask(__name__, instance_path={str(tmp_path)!r}"), names)
    app, audit = names["app"], names["audit"]
    app.add_url_rule("/who", "who", lambda: session.get("_user_id", "nobody"))
    client = app.test_client()
    assert client.get("/who", buffered=True).text == "nobody"
    client.post("/sign-in", buffered=True)
    assert client.get("/who", buffered=True).text == "u-31"
    before, asked, after = [
        audit.records(f"event:request {of}") for of in ("/who", "/sign-in", "user:ada")
    ]
    audit.close()
    assert [ids(record) for record in (before[0], asked[0])] == [{}, {}]
    assert [record["path"] for record in after] == ["/who"]
    assert ids(after[0]).keys() == {"user_id", "session_id"}
    assert after[0]["user"] == "Ada"


def test_requests_side_by_side_do_not_mix(make: Make) -> None:
    together = threading.Barrier(8)
    asked: Counter[str] = Counter()

    def who(environ: Any) -> Mapping[str, object]:
        number = environ["PATH_INFO"].rpartition("/")[2]
        asked[number] += 1
        together.wait(30)
        return {"user_id": f"u-{number}", "session_id": f"{int(number):08}{SESSION[8:]}"}

    app, audit = make(who)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda number: visit(app, f"/pay/{number}"), range(160))) == {200}
    assert set(asked.values()) == {1}
    found = of_requests(audit)
    assert len(found) == 3 * 160
    for record in found:
        number = record["path"].rpartition("/")[2]
        assert record["user_id"] == f"u-{number}"
        assert record["session_id"] == f"{int(number):08}{SESSION[8:]}"
    for record in audit.records("event:invoice_paid"):
        assert record["extra"] == {"number": record["user_id"].removeprefix("u-")}
