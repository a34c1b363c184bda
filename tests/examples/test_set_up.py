"""The options that an application sets: the viewer's path, the application's name."""

from __future__ import annotations

import contextvars
import logging
import threading
from pathlib import Path

import pytest
import structlog

from strongroom import AuditLog
from strongroom.errors import SettingsError
from tests.examples.apps import new_app, watched
from tests.examples.conftest import Closing
from tests.examples.running import named, stored


@pytest.mark.parametrize("viewer", ["/", "//", "", "logs", "/a//logs", "/<name>", "/logs?a=1"])
def test_a_path_for_the_viewer_that_is_none(tmp_path: Path, viewer: str) -> None:
    with pytest.raises(SettingsError, match="is not a path such as /logs"):
        AuditLog(new_app("app", tmp_path), viewer=viewer)


@pytest.mark.parametrize("viewer", ["/logs", "/logs/"])
def test_a_slash_at_its_end_makes_no_difference(
    tmp_path: Path, closing: Closing, viewer: str
) -> None:
    app = new_app("app", tmp_path)
    audit = closing(AuditLog(app, viewer=viewer))
    client = app.test_client()
    assert client.get("/logs", buffered=True).status_code == 200
    client.get("/logs/static/none.css", buffered=True)
    paths = [record["path"] for record in audit.records("event:request")]
    assert paths == ["/logs"]  # its style sheets are counted


@pytest.mark.parametrize("name", [None, "shop"])
def test_every_record_says_of_which_application_it_is(
    tmp_path: Path, closing: Closing, name: str | None
) -> None:
    first, second = new_app("first", tmp_path), new_app("second", tmp_path)
    audit = closing(watched(first, name=name))
    audit.init_app(second)
    for app in (first, second):
        app.add_url_rule("/", "index", lambda: "ok")
        app.test_client().get("/", buffered=True)
    logging.getLogger("library").warning("outside of a request")
    audit.close()
    found = stored(audit.store.path)
    assert [r["app"] for r in named(found, "request")] == [name or "first", name or "second"]
    for event in ("application_started", "message_logged", "application_stopped"):
        assert [record["app"] for record in named(found, event)] == [name or "first"]


def test_a_thread_belongs_to_its_request_only_with_its_context(
    tmp_path: Path, closing: Closing
) -> None:
    """As "Several applications, several processes" of the documentation tells."""
    first, second = new_app("first", tmp_path), new_app("second", tmp_path)
    audits = [closing(watched(app)) for app in (first, second)]

    def work(how: str) -> None:
        structlog.get_logger().info("worked", how=how)

    @second.get("/")
    def index() -> str:
        inside = contextvars.copy_context()
        for target, arguments in ((work, ("without",)), (inside.run, (work, "with"))):
            thread = threading.Thread(target=target, args=arguments)
            thread.start()
            thread.join()
        return "ok"

    second.test_client().get("/", buffered=True)
    (without,), (inside,) = (audit.records("event:worked") for audit in audits)
    assert without["extra"] == {"how": "without"}
    assert "request_id" not in without
    assert inside["extra"] == {"how": "with"}
    assert inside["path"] == "/"
