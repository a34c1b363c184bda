"""Uploads where people sign in: sessions that end meanwhile, and folders one may only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.cable import Cable
from tests.e2e.test_accounts import EnterPage, enter
from tests.e2e.test_uploads import RATE, choose, noise
from tests.e2e.test_usability import violations
from tests.serving import Installation
from tests.web.people import House, act

__all__ = ["enter"]  # a fixture

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Ada, Otto and Mia."""
    house = House(tmp_path_factory.mktemp("house") / "data")
    yield house
    house.close()


@pytest.fixture(scope="module")
def server(house: House) -> Installation:
    """What :func:`open_page` opens."""
    return house.server


def test_an_upload_outlives_its_session(browser: Browser, house: House, tmp_path: Path) -> None:
    file = tmp_path / "outlives.bin"
    digest = noise(file)
    cable = Cable(house.server.port, rate=RATE)
    context = browser.new_context(base_url=cable.url)
    page = context.new_page()

    def sign_in() -> httpx.Client:
        client = house.enter("Mia")
        secret = client.cookies[house.cookie]
        context.add_cookies([{"name": house.cookie, "value": secret, "url": cable.url}])
        return client

    first = sign_in()
    page.goto("/")
    choose(page, file)
    expect(page.locator(".tray li .state")).to_contain_text("MB/s")
    cable.cut()
    act(first, "/sign-out")
    cable.mend()
    expect(page.locator(".tray")).to_contain_text(
        "Your session has ended. Sign in again", timeout=30_000
    )
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert violations(page) == []
    sign_in()
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator(".tray h2")).to_have_text("1 stored", timeout=30_000)
    [stored] = house.server.records(f'event:file_uploaded filename:"{file.name}"')
    assert stored["sha256"] == digest
    [resumed] = house.server.records(f'event:upload_resumed filename:"{file.name}"')
    assert resumed["bytes_in"] > 0
    # The page has the new session's word, for everything else on it too.
    page.get_by_role("button", name=f"Delete {file.name}").click()
    page.get_by_role("button", name="Move to the trash").locator("visible=true").click()
    expect(page.locator("#notices")).to_contain_text("in the trash")
    context.close()
    cable.close()


def test_who_may_only_read_is_offered_no_more(enter: EnterPage, house: House) -> None:
    with house.enter("Ada") as ada:
        act(ada, "/folders", folder="/", name="for reading")
    page = enter("Ada", "/")
    page.get_by_role("button", name="More for for reading").click()
    page.get_by_role("link", name="Who may what").locator("visible=true").last.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("As in All files")
    assert violations(page) == []
    dialog.get_by_label("Everyone").select_option("read")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("The permissions are changed.")

    page = enter("Mia", "/files?folder=/for%20reading")
    expect(page.locator(".empty")).to_contain_text("You may see what is put here")
    expect(page.locator("#upload")).to_be_hidden()
    for name in ("New folder", "Who may what"):
        expect(page.get_by_role("link", name=name)).to_have_count(0)
    page.get_by_role("link", name="All files").click()
    expect(page.locator("#upload")).to_be_visible()
