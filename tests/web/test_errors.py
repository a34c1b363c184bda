"""Errors that no handler of ours raises, in the form that each client can read."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NoReturn

import pytest

from strongroom.bootstrap import create_app
from strongroom.errors import Refused
from strongroom.permissions import Access, needs
from strongroom.settings import load
from tests.serving import Installation
from tests.web.completeness import SOURCE
from tests.web.expect import expect, records_of
from tests.web.folder_examples import FIELDS
from tests.web.page import is_whole, notices, read
from tests.web.wire import HTML, HTMX, JSON, exchange, head_of, send

NOWHERE = ["/nowhere", "/api/v1/nowhere", "/api", "/logs/a/b", "/favicon.ico", "/a%00b", "/%F0%9F"]

WRONG_METHODS = [
    ("POST", "/api/v1/files/x"),
    ("PATCH", "/api/v1/files/x"),
    ("PUT", "/api/v1/files"),
    ("GET", "/upload"),
    ("PUT", "/upload"),
    ("GET", "/delete/x"),
    ("PUT", "/delete/x"),
    ("POST", "/files"),
    ("DELETE", "/"),
    ("POST", "/logs"),
    ("DELETE", "/api/v1/records"),
    ("BREW", "/"),
]


@pytest.mark.parametrize("target", NOWHERE)
def test_nothing_there_for_programs(server: Installation, target: str) -> None:
    answer = send(server, "GET", target, headers=JSON)
    answer.problem(404, "not_found")
    expect(server, answer)


@pytest.mark.parametrize("target", ["/nowhere", "/logs/a/b"])
def test_nothing_there_for_people(server: Installation, target: str) -> None:
    page = send(server, "GET", target, headers=HTML)
    assert page.status == 404
    assert is_whole(page)
    assert page.request_id in page.text
    assert len([e for e in read(page) if e.tag == "h1"]) == 1
    expect(server, page)

    fragment = send(server, "GET", target, headers=HTMX)
    assert fragment.status == 404
    assert not is_whole(fragment)
    assert fragment.header("HX-Retarget") == "#notices"
    assert fragment.header("HX-Reswap")
    [(kind, text)] = notices(fragment)
    assert kind == "warning"
    assert fragment.request_id in text
    expect(server, fragment)


def test_the_api_answers_browsers_in_its_own_form(server: Installation) -> None:
    answer = send(server, "GET", "/api/v1/nowhere", headers=HTML)
    answer.problem(404, "not_found")


@pytest.mark.parametrize(("method", "target"), WRONG_METHODS)
def test_a_wrong_method(server: Installation, method: str, target: str) -> None:
    answer = send(server, method, target, b"x", headers=JSON)
    answer.problem(405, "method_not_allowed")
    allowed = answer.header("Allow").split(", ")
    assert method not in allowed
    expect(server, answer)
    options = send(server, "OPTIONS", target)
    assert options.status == 200
    assert set(options.header("Allow").split(", ")) == set(allowed)
    expect(server, options)


@pytest.mark.parametrize("accept", ["text/html;q=0.1, application/json", "application/*", "x"])
def test_who_does_not_ask_for_pages_gets_none(server: Installation, accept: str) -> None:
    answer = send(server, "GET", "/nowhere", headers={"Accept": accept})
    answer.problem(404, "not_found")


def test_records_of_an_error_name_no_query(server: Installation) -> None:
    answer = send(server, "GET", "/nowhere?secret=1#part")
    told = records_of(server, answer.request_id)
    assert told.request["path"] == "/nowhere"
    assert "secret=1" not in str(told)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/%E6%97%A5", "/日"),
        ("/a%0Ab", "/a\nb"),
        ("/a%1B[31mb", "/a\x1b[31mb"),
        ("/caf%E9", "/caf\ufffd"),
    ],
)
def test_an_odd_path_is_recorded(server: Installation, target: str, path: str) -> None:
    answer = exchange(server, head_of("GET", target, "Accept: application/json"))
    told = records_of(server, answer.request_id)
    assert told.request["path"] == path


def test_an_odd_user_agent_is_recorded(server: Installation) -> None:
    head = b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: \xe6\x97\xa5 \xff\r\n\r\n"
    answer = exchange(server, head)
    [request] = [r for r in server.outcome(answer.request_id) if r["event"] == "request"]
    assert request["user_agent"] == "日 \ufffd"


def test_two_requests_on_one_connection_are_two(server: Installation) -> None:
    first = exchange(server, head_of("GET", "/nowhere") + head_of("GET", "/nowhere"))
    expect(server, first)
    records = server.records("path:/nowhere event:request", limit=50)
    assert len({record["request_id"] for record in records}) == len(records)


def conflicts() -> set[str]:
    """The reasons of all refusals with 409 in the code."""
    found = set()
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and any(
                word.arg == "status" and ast.unparse(word.value) == "409" for word in node.keywords
            ):
                found.add(ast.literal_eval(node.args[0]))
    return found


def test_every_conflict_has_a_title_of_its_own(tmp_path: Path) -> None:
    """409 stands for many things; that a name is taken is one of them."""
    app = create_app(load(data=tmp_path, log_output="none", no_auth=True))
    titles = {}
    try:
        for reason in conflicts():

            def refuse(reason: str = reason) -> NoReturn:
                raise Refused(reason, "Why.", status=409)

            app.add_url_rule(f"/{reason}", reason, needs(Access.ANYBODY)(refuse))
        for reason in conflicts():
            page = app.test_client().get(f"/{reason}", headers=HTML)
            assert page.status_code == 409
            titles[reason] = re.findall("<h1>(.*?)</h1>", page.text)
    finally:
        app.extensions["strongroom.audit"].close()
    assert {"filename_taken", "name_taken", "folder_into_itself", "offset_mismatch"} <= set(titles)
    assert ["That is not possible as things are"] not in titles.values()
    taken = {reason for reason, title in titles.items() if title == ["That name is taken"]}
    assert taken == {"filename_taken", "name_taken"}


@pytest.mark.parametrize(
    ("target", "form", "title"),
    [
        ("/folders", "folder=/&name=twice", "That name is taken"),
        ("/files/move", "node={0}&to=/twice", "That folder is inside itself"),
        ("/files/delete", "node=00000000-0000-0000-0000-000000000000", "That folder stays"),
    ],
)
def test_the_page_of_a_conflict_says_what_it_is_about(
    server: Installation, target: str, form: str, title: str
) -> None:
    send(server, "PUT", "/api/v1/folders/twice", b"", JSON)
    [folder] = [
        one["folder_id"]
        for one in send(server, "GET", "/api/v1/files").json()["folders"]
        if one["name"] == "twice"
    ]
    body = form.format(folder).encode()
    page = send(server, "POST", target, body, {**FIELDS, **HTML})
    assert page.status == 409
    [heading] = [element.text for element in read(page) if element.tag == "h1"]
    assert heading == title
