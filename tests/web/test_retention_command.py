"""``strongroom retention`` and ``strongroom hold`` on an installation whose server runs."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from strongroom.audit.journal import Journal
from strongroom.bootstrap import SCHEMAS
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.serving import Installation
from tests.unit.making import ops_record

OLD = (datetime.now(UTC) - timedelta(days=100)).isoformat("T", "microseconds")[:-6] + "Z"
RECORDS = 300


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Installation]:
    """Its first ops records are a hundred days old, and sealed."""
    installation = Installation(tmp_path / "data", workers=1)
    installation.data.mkdir()
    store = Store(f"sqlite:///{installation.data / 'strongroom.db'}")
    migrate(store, *SCHEMAS)
    journal = Journal(store)
    for number in range(RECORDS):
        journal.enqueue(ops_record(event="response", timestamp=OLD, filename="a.txt", count=number))
    store.write(lambda _connection: None)
    store.close()
    installation.run("log", "seal", "--stream", "ops", "--all")
    installation.start()
    yield installation
    installation.stop()


def answer(server: Installation, *arguments: str) -> Any:
    return json.loads(server.run(*arguments, "--json").stdout)


def records(server: Installation, name: str) -> list[dict[str, Any]]:
    found = server.run("log", "search", f"event:{name}", "--json").stdout
    return [json.loads(line) for line in found.splitlines()]


def test_planned_and_applied(server: Installation) -> None:
    [going] = answer(server, "retention", "plan")["going"]
    assert (going["stream"], going["rule"], going["records"]) == ("ops", "max_age", RECORDS)
    assert (going["first_seq"], going["last_seq"], going["from"]) == (0, RECORDS - 1, OLD)
    assert going["bytes"] > 1_000
    shown = server.run("retention", "plan").stdout
    assert "max_age" in shown
    assert f"{RECORDS:,}" in shown
    refused = server.run("retention", "apply", check=False)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert answer(server, "retention", "plan")["going"] == [going]
    done = answer(server, "retention", "apply", "--yes")
    assert done == {"going": [going], "kept": []}
    assert answer(server, "retention", "plan") == {"going": [], "kept": []}
    assert "Nothing was to be deleted." in server.run("retention", "apply", "--yes").stdout
    assert not list((server.data / "strongroom.db.archive" / "segments" / "ops").iterdir())
    [said] = records(server, "records_pruned")
    assert (said["count"], said["extra"]["rule"]) == (RECORDS, "max_age")
    assert server.run("verify", "--no-record").returncode == 0
    found = [one for one in server.doctor() if one["check"].startswith("journal")]
    assert [one["state"] for one in found] == ["ok"] * 3


def test_held_and_released(server: Installation) -> None:
    hold = answer(server, "hold", "place", "--filename", "a.txt", "--reason", "a lawsuit")
    assert (hold["filename"], hold["placed_by"]) == ("a.txt", getpass.getuser())
    assert answer(server, "hold", "list") == [hold]
    assert "a lawsuit" in server.run("hold", "list").stdout
    found = answer(server, "retention", "apply", "--yes")
    assert found["going"] == []
    [kept] = found["kept"]
    assert (kept["holds"], kept["records"]) == ([hold["hold"]], RECORDS)
    assert hold["hold"] in server.run("retention", "plan").stdout
    server.run("hold", "release", hold["hold"])
    assert answer(server, "hold", "list") == []
    assert answer(server, "retention", "plan")["kept"] == []
    [placed], [released] = records(server, "hold_placed"), records(server, "hold_released")
    assert placed["extra"]["hold"] == released["extra"]["hold"] == hold["hold"]


def test_what_makes_no_sense(server: Installation) -> None:
    for arguments in (
        ("hold", "release", "nothing"),
        ("hold", "place", "--from", "soon"),
        ("hold", "place", "--from", "2026-02-01", "--to", "2026-01-01"),
    ):
        done = server.run(*arguments, check=False)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
