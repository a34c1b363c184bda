"""A real browser: the system's own Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.serving import Installation

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Without the switches for background networking, a browser on a closed network keeps trying.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def find_browser() -> str | None:
    """The path of the system's Chromium, if there is one."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a file.

    Not for longer: while Playwright runs, this thread has an event loop, in which no other test could
    run anything asynchronous.
    """
    path = find_browser()
    if path is None:
        pytest.skip("there is no Chromium on this machine: the pages were NOT tested in a browser")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield launched
        launched.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, server: Installation) -> Iterator[OpenPage]:
    """Opens an address of the server in a fresh profile; fails on what the console complains of.

    Also fails when the page asks any other server for anything.
    """
    complaints: list[str] = []
    contexts = []

    def open_at(path: str, *, allow_errors: bool = False, **options: object) -> Page:
        context = browser.new_context(base_url=server.url, accept_downloads=True, **options)  # type: ignore[arg-type]  # a test's own choice
        contexts.append(context)
        page = context.new_page()
        page.on(
            "request",
            lambda r: None if r.url.startswith(server.url) else complaints.append(r.url),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if not allow_errors:
            page.on(
                "console",
                lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None,
            )
        page.goto(path)
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert complaints == []
