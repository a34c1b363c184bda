"""``strongroom privacy`` on an installation whose server runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from strongroom.audit.journal import Journal
from strongroom.audit.journal.people import People
from strongroom.bootstrap import SCHEMAS
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.serving import Installation
from tests.unit.making import audit_record
from tests.unit.privacy.office import files_with_any

NAME, ADDRESS, FILE = "Perpetua Quill", "2001:db8:99::7", "Quill diary.txt"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Installation]:
    """Of a person who is known by records alone."""
    installation = Installation(tmp_path / "data", workers=1)
    installation.data.mkdir()
    store = Store(f"sqlite:///{installation.data / 'strongroom.db'}")
    migrate(store, *SCHEMAS)

    def unit(connection: Connection) -> None:
        People(store).put(connection, "user-quill", NAME)

    store.write(unit)
    made = [
        audit_record(user_id="user-quill", ip_address=ADDRESS, filename=FILE, count=number)
        for number in range(5)
    ]
    Journal(store).append(made)
    store.close()
    installation.start()
    yield installation
    installation.stop()


def answer(server: Installation, *arguments: str) -> Any:
    return json.loads(server.run("privacy", *arguments).stdout)


def test_reported_and_forgotten(server: Installation) -> None:
    told = answer(server, "report", "--user", NAME)
    assert told["about"] == {"kind": "user", "user_ids": ["user-quill"], "names": [NAME]}
    assert [one["filename"] for one in told["records"]] == [FILE] * 5
    assert told["files"] == told["account"] == []
    by_address = answer(server, "report", "--ip", ADDRESS)
    assert by_address["records"] == told["records"]
    plan = answer(server, "forget", "--user", NAME, "--content", "--dry-run", "--json")
    # That they were told is a record about them, too.
    assert (plan["records"], plan["traces"]) == ({"audit": 6}, 3)
    asked = server.run("privacy", "forget", "--user", NAME, check=False)
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    assert answer(server, "report", "--user", NAME)["records"][:5] == told["records"]
    done = answer(server, "forget", "--user", NAME, "--content", "--yes", "--json")
    assert done["forgettings"][0]["waits"] is None
    assert "backups" in done["outside"]
    assert files_with_any(server.data, [NAME.encode(), ADDRESS.encode(), FILE.encode()]) == {}
    assert server.run("verify", "--no-record").returncode == 0
    assert answer(server, "pending", "--json") == []
    found = server.run("log", "search", "event:person_forgotten", "--json").stdout
    assert json.loads(found)["count"] == 7  # with two reports
    reported = server.run("log", "search", "event:privacy_reported", "--json").stdout
    assert len(reported.splitlines()) == 3
    assert NAME not in reported


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("report",), "about whom"),
        (("report", "--user", "Nobody"), "nobody of that name"),
        (("report", "--ip", "10.0.0"), "no IP address"),
        (("forget", "--content"), "who is to be forgotten"),
        (("forget", "--user", "a", "--ip", "10.0.0.1"), "not both"),
    ],
)
def test_wrong_usage(server: Installation, arguments: tuple[str, ...], reason: str) -> None:
    done = server.run("privacy", *arguments, check=False)
    assert done.returncode == 2
    assert reason in done.stderr


def test_a_hold_is_named(server: Installation) -> None:
    hold = json.loads(server.run("hold", "place", "--filename", FILE, "--json").stdout)
    done = server.run("privacy", "forget", "--ip", ADDRESS, "--yes", check=False)
    assert done.returncode == 3
    assert hold["hold"] in done.stderr
