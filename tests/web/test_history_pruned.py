"""A history whose beginning is not kept any more, and who else is in one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from strongroom.audit.journal import Journal
from strongroom.audit.ledger import Ledger
from strongroom.bootstrap import Installation as Storage
from strongroom.bootstrap import signing
from strongroom.settings import load
from strongroom.store import Store
from tests.attacks.shared import Estate, as_somebody
from tests.serving import Installation
from tests.unit.making import audit_record
from tests.web.household import Household
from tests.web.test_history import acts, history, lines
from tests.web.wire import HTML, send

FILE = "01980000-0000-7000-8000-00000000f11e"

ENTRIES = 256
"""Of the audit stream so many are sealed together at least."""


def days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat("T", "microseconds")[:-6] + "Z"


@pytest.fixture
def pruned(tmp_path: Path) -> Iterator[Installation]:
    """A file was uploaded a hundred days ago and downloaded lately; the older records are pruned."""
    installation = Installation(tmp_path / "data", workers=1, audit_max_age="30d")
    installation.data.mkdir()
    settings = load(data=installation.data)
    storage = Storage.open(settings)
    named = {"file_id": FILE, "filename": "old.txt", "folder": "/", "sha256": "0" * 64}
    old = [audit_record(timestamp=days_ago(100), **named)]
    old += [audit_record(timestamp=days_ago(99)) for _ in range(ENTRIES - 1)]
    Journal(storage.store).append(old)
    # Signed before it is sealed, and by no server, whose own records are of today.
    Ledger(storage.store).advance(signing(settings).load_key(storage.store))
    storage.store.close()
    installation.run("log", "seal", "--stream", "audit", "--all")
    installation.run("retention", "apply", "--yes")
    store = Store(f"sqlite:///{installation.data / 'strongroom.db'}")
    Journal(store).append([audit_record(event="file_downloaded", outcome="success", **named)])
    store.close()
    installation.start()
    yield installation
    installation.stop()


def test_it_says_since_when(pruned: Installation) -> None:
    page = history(pruned, FILE)
    assert acts(page) == ["Downloaded by the server itself"]
    assert "Here the records end." in page.text
    assert "deleted by the rule max_age" in page.text


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    house = Household(tmp_path_factory.mktemp("custody") / "data", workers=1)
    yield Estate(house)
    house.close()


def test_who_was_refused_is_named(estate: Estate) -> None:
    """By those who may read the logs; whoever has files alone is not told of it."""
    house = estate.house
    estate.folder("/Closed", Ada="manage")
    file_id = estate.file("/Closed/letter.txt")
    mia = house.headers(house.enter("Mia"))
    assert as_somebody(house, mia, "GET", "/api/v1/files/Closed/letter.txt").status == 404
    otto = house.headers(house.enter("Otto"))
    answer = send(house.server, "GET", f"/files/{file_id}/history", headers={**HTML, **otto})
    assert answer.status == 200
    refused, uploaded = lines(answer)
    assert "refused" in refused.classes
    assert "Download refused to Mia" in refused.text
    assert "Uploaded by Ada" in uploaded.text
    assert "2 acts by 2 people" in answer.text
    hers = send(house.server, "GET", f"/files/{file_id}/history", headers={**HTML, **mia})
    assert hers.status == 403


def test_only_those_who_may_are_shown_the_way(estate: Estate) -> None:
    house = estate.house
    file_id = estate.file("/shared.txt")
    estate.permit("/", Ada="manage", Mia="read")
    link = f'href="/files/{file_id}/history"'
    for name, shown in (("Ada", True), ("Mia", False)):
        headers = {**HTML, **house.headers(house.enter(name))}
        for target in ("/", f"/files/{file_id}/versions"):
            assert (link in send(house.server, "GET", target, headers=headers).text) is shown
