"""What the viewer says of proofs, in a browser: with and without scripts, on every screen."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenPage
from tests.e2e.test_usability import LOOKS, overflow, violations
from tests.serving import Installation
from tests.unit.evidence import check, unpack

pytestmark = pytest.mark.e2e

PATIENCE = 30.0
ALONE = "signed by this machine only"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One that verifies nothing by itself: the altered record is to be found where it is shown."""
    installation = Installation(tmp_path_factory.mktemp("evidence") / "data", verify_every=0)
    yield installation.start()
    installation.stop()


@pytest.fixture(scope="module")
def records(server: Installation) -> dict[str, str]:
    """The page of a record in each state: verified, apart from the ledger, altered."""
    with server.client() as client:
        client.put("/api/v1/files/evidence with quite a long name.pdf", content=b"x")
        client.put("/api/v1/files/altered.txt", content=b"x")
        [altered, verified] = server.records("event:file_uploaded")
        deadline = time.monotonic() + PATIENCE
        while "Verified just now" not in client.get(f"/logs/{altered['id']}").text:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    with closing(sqlite3.connect(server.data / "strongroom.db", isolation_level=None)) as database:
        database.execute("PRAGMA busy_timeout = 30000")
        database.execute(
            "UPDATE journal SET content = CAST(replace(content, 'altered', 'forged!') AS BLOB) WHERE id = ?",
            (altered["id"],),
        )
    request = server.records("event:request", limit=1)[0]
    return {
        "verified": f"/logs/{verified['id']}",
        "apart": f"/logs/{request['id']}",
        "wrong": f"/logs/{altered['id']}",
        "list": "/logs",
    }


@pytest.mark.parametrize(("viewport", "scheme"), LOOKS)
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
@pytest.mark.parametrize("state", ["verified", "apart", "wrong", "list"])
def test_it_is_said_everywhere(  # noqa: PLR0917  # one for each thing that may make it fail
    open_page: OpenPage,
    records: dict[str, str],
    state: str,
    viewport: dict[str, int],
    scheme: str,
    scripts: bool,  # a parameter of the test
) -> None:
    options = {"viewport": viewport, "color_scheme": scheme, "java_script_enabled": scripts}
    page = open_page(records[state], **options)
    expect(page.locator(".seal")).to_be_visible()
    expect(page.locator(".seal")).to_contain_text(f"sealed · {ALONE}")
    headings = {
        "verified": "Verified just now",
        "apart": "Not evidence",
        "wrong": "Does not verify",
    }
    if state in headings:
        expect(page.get_by_role("heading", name=headings[state])).to_be_visible()
    offered = 1 if state == "verified" else 0
    expect(page.get_by_role("link", name="Evidence bundle")).to_have_count(offered)
    if scripts:
        assert violations(page) == []
        assert overflow(page) <= 0


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_bundle_is_taken_away_and_checked(
    open_page: OpenPage,
    records: dict[str, str],
    server: Installation,
    tmp_path: Path,
    scripts: bool,  # a parameter of the test
) -> None:
    page = open_page(records["verified"], java_script_enabled=scripts)
    folder = unpack(_download(page, "Evidence bundle", tmp_path).read_bytes(), tmp_path / "bundle")
    told = check(folder, "--key", server.run("ledger", "vkey").stdout.strip())
    assert told.returncode == 0, told.stdout
    proof = _download(page, "Proof", tmp_path).read_text()
    assert proof.startswith("c2sp.org/tlog-proof@v1\nindex ")


def _download(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as started:
        page.get_by_role("link", name=name, exact=True).click()
    file = folder / started.value.suggested_filename
    started.value.save_as(file)
    return file
