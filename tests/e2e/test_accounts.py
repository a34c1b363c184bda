"""Accounts in a real browser: coming in, inviting others, and being shown no more than one may see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from strongroom.permissions import Permission, Role
from tests.e2e.conftest import OpenPage
from tests.e2e.test_usability import LOOKS, overflow, tab_to, violations
from tests.serving import Installation
from tests.web.people import PASSWORD, House, act, secret_of, setup_link, token

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Ada, Otto and Mia."""
    house = House(tmp_path_factory.mktemp("house") / "data", cheap_passwords=False)
    yield house
    house.close()


@pytest.fixture(scope="module")
def server(house: House) -> Installation:
    """What :func:`open_page` opens."""
    return house.server


EnterPage = Callable[..., Page]


@pytest.fixture
def enter(open_page: OpenPage, house: House) -> EnterPage:
    """Opens an address in a browser in which somebody has signed in already."""

    def enter_as(name: str, path: str, **options: object) -> Page:
        page = open_page("/sign-in", **options)
        with house.enter(name) as client:
            add_session(page, client.cookies[house.cookie])
        page.goto(path)
        return page

    return enter_as


def add_session(page: Page, secret: str) -> None:
    """Put the cookie of a session into a browser."""
    parts = urlsplit(page.url)
    name, origin = f"strongroom-{parts.port}", f"{parts.scheme}://{parts.netloc}"
    page.context.add_cookies([{"name": name, "value": secret, "url": origin}])


def fill_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Sign in by the form."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def navigation(page: Page) -> list[str]:
    """The places that the page offers."""
    return page.get_by_role("navigation", name="Main").get_by_role("link").all_inner_texts()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_from_the_first_start_to_the_first_upload(
    tmp_path: Path, browser: Browser, scripts: bool
) -> None:
    fresh = Installation.with_accounts(tmp_path / "data", cheap_passwords=False).start()
    file = tmp_path / "first.txt"
    file.write_text("the first")
    try:
        context = browser.new_context(java_script_enabled=scripts)
        page = context.new_page()
        page.goto(f"{fresh.url}/")
        expect(page.get_by_text("There is no account here yet.")).to_be_visible()
        page.goto(setup_link(fresh))
        page.get_by_label("Your name").fill("Ada")
        page.get_by_label("New password", exact=True).fill(PASSWORD)
        page.get_by_label("The same again", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Create the administrator").click()
        expect(page).to_have_url(f"{fresh.url}/")
        assert navigation(page) == ["Files", "Logs", "People"]
        page.locator("#file").set_input_files(str(file))
        if not scripts:
            page.get_by_role("button", name="Upload").click()
        expect(page.locator("#rows tr", has_text="first.txt")).to_have_count(1)
        page.get_by_role("link", name="Logs").click()
        uploaded = page.locator(".records tbody tr", has_text="file_uploaded")
        expect(uploaded).to_have_count(1)
        context.close()
    finally:
        fresh.stop()


def test_a_member_is_invited_and_sees_no_logs(
    open_page: OpenPage, enter: EnterPage, tmp_path: Path
) -> None:
    ada = enter("Ada", "/admin/")
    ada.get_by_text("Add a person", exact=True).click()
    ada.get_by_label("Name").fill("Nora")
    ada.get_by_role("radio", name="member").check()
    ada.get_by_role("button", name="Create the account").click()
    link = ada.get_by_label("The link").input_value()
    assert secret_of(link)

    nora = open_page(link, allow_errors=True)
    nora.get_by_label("New password", exact=True).fill(PASSWORD)
    nora.get_by_label("The same again", exact=True).fill(PASSWORD)
    nora.get_by_role("button", name="Save and sign in").click()
    expect(nora.locator("#file")).to_be_attached()
    assert navigation(nora) == ["Files"]
    file = tmp_path / "from nora.txt"
    file.write_text("hello")
    nora.locator("#file").set_input_files(str(file))
    expect(nora.locator("#rows tr", has_text="from nora.txt")).to_have_count(1)
    nora.get_by_role("button", name="Delete from nora.txt").click()
    nora.get_by_role("button", name="Move to the trash").click()
    expect(nora.locator("#rows tr", has_text="from nora.txt")).to_have_count(0)
    assert nora.locator("a[href^='/logs']").count() == 0

    nora.goto("/logs")
    expect(nora.get_by_role("heading", name="That is not allowed")).to_be_visible()
    assert nora.locator("a[href^='/logs']").count() == 0
    nora.get_by_role("button", name="Nora: your account").click()
    nora.get_by_role("button", name="Sign out").click()
    expect(nora.get_by_role("heading", name="Sign in")).to_be_visible()
    nora.go_back()
    expect(nora.get_by_text("from nora.txt")).to_have_count(0)


def test_an_auditor_sees_logs_and_no_files(enter: EnterPage) -> None:
    otto = enter("Otto", "/logs", allow_errors=True)
    assert navigation(otto) == ["Logs"]
    expect(otto.locator(".records tbody tr").first).to_be_visible()
    otto.get_by_role("link", name="Strongroom").click()
    expect(otto).to_have_url(re.compile("/logs$"))
    otto.goto("/")
    expect(otto.get_by_text("You may not see the files")).to_be_visible()
    otto.get_by_role("link", name="Back to the logs").click()
    expect(otto.get_by_label("Search records")).to_be_visible()


def test_a_session_that_ends_meanwhile_leads_to_the_sign_in_and_back(
    enter: EnterPage, house: House
) -> None:
    with house.bearing(token(house.ada, Permission.FILES_WRITE)) as script:
        script.put("/api/v1/files/stays.txt", content=b"x")
    page = enter("Mia", "/?from=here", allow_errors=True)
    assert act(house.ada, f"/admin/users/{house.ids['Mia']}/sessions/end").status_code == 303
    page.get_by_role("button", name="Delete stays.txt").click()
    page.get_by_role("button", name="Move to the trash").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    fill_in(page, "Mia")
    expect(page).to_have_url(f"{house.server.url}/?from=here")
    expect(page.locator("#rows tr", has_text="stays.txt")).to_have_count(1)


def test_signing_in_by_keyboard_alone(open_page: OpenPage, house: House) -> None:
    page = open_page("/sign-in?next=/account", allow_errors=True)
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("Mia")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Name or password is wrong.")).to_be_visible()
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{house.server.url}/account")
    tab_to(page, "Mia: your account")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_password_can_be_looked_at(open_page: OpenPage) -> None:
    page = open_page("/sign-in")
    field = page.get_by_label("Password", exact=True)
    expect(field).to_have_attribute("type", "password")
    page.get_by_role("button", name="Show what is in: Password").click()
    expect(field).to_have_attribute("type", "text")


def test_a_token_is_made_and_revoked(enter: EnterPage, house: House) -> None:
    page = enter("Mia", "/account")
    page.get_by_text("New token", exact=True).click()
    page.get_by_label("Name").fill("browser made")
    page.get_by_role("checkbox", name="Read files").check()
    page.get_by_role("button", name="Make the token").click()
    secret = page.get_by_label("The token", exact=True).input_value()
    with house.bearing(secret) as script:
        assert script.get("/api/v1/files").status_code == 200
        page.get_by_role("button", name="Revoke browser made").click()
        page.get_by_role("button", name="Revoke the token").click()
        expect(page.locator("#notices")).to_contain_text("The token is revoked.")
        assert script.get("/api/v1/files").status_code == 401


@pytest.fixture(scope="module")
def states(house: House) -> dict[str, tuple[str, str]]:
    """The pages and states there are, each with the secret of the session that looks at it."""
    found = {"": ""}
    for name in ("Ada", "Otto", "Mia"):
        with house.enter(name) as client:
            found[name] = client.cookies[house.cookie]
    invited = house.invite("Grace of a rather long name that has to be wrapped", Role.ADMIN)
    with house.visitor() as browser:
        for _ in range(6):
            browser.post("/sign-in", data={"name": "Blocked one", "password": "wrong"})
    with house.enter("Mia") as mia:
        token(mia, Permission.FILES_READ, Permission.FILES_WRITE)
    token(house.ada, *Permission)
    seen = {
        "sign-in": ("", "/sign-in"),
        "one-time link": ("", invited),
        "dead link": ("", "/setup?link=gone"),
        "nothing there": ("", "/nothing"),
        "account": ("Ada", "/account"),
        "account of a member": ("Mia", "/account"),
        "people": ("Ada", "/admin/"),
        "person": ("Ada", f"/admin/users/{house.ids['Mia']}"),
        "oneself": ("Ada", f"/admin/users/{house.ids['Ada']}"),
        "refused": ("Mia", "/logs"),
        "files of a member": ("Mia", "/"),
        "logs of an auditor": ("Otto", "/logs"),
    }
    return {state: (found[name], path) for state, (name, path) in seen.items()}


STATES = [
    "sign-in",
    "one-time link",
    "dead link",
    "nothing there",
    "account",
    "account of a member",
    "people",
    "person",
    "oneself",
    "refused",
    "files of a member",
    "logs of an auditor",
]


@pytest.mark.parametrize(("viewport", "scheme"), LOOKS)
@pytest.mark.parametrize("state", STATES)
def test_accessible_and_fitting(
    open_page: OpenPage,
    states: dict[str, tuple[str, str]],
    state: str,
    viewport: dict[str, int],
    scheme: str,
) -> None:
    secret, path = states[state]
    page = open_page("/sign-in", allow_errors=True, viewport=viewport, color_scheme=scheme)
    if secret:
        add_session(page, secret)
    page.goto(path)
    assert page.url.endswith(path)
    for form in page.locator("details.more-form > summary").all():
        form.click()
    assert violations(page) == []
    assert overflow(page) <= 0
