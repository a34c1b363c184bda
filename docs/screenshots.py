"""Takes the pictures in the README from a real installation: `make screenshots`."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e.conftest import ARGUMENTS, find_browser
from tests.serving import Installation

IMAGES = Path(__file__).parent / "images"

FILES = {
    "quarterly report.pdf": ("application/pdf", 1_204_332),
    "scan-0412.tiff": ("image/tiff", 18_412_990),
    "日本語の資料.txt": ("text/plain", 4_130),
    "2026-10 visits.csv": ("text/csv", 212_004),
    "façade études (final).docx": ("application/msword", 88_120),
}


def main() -> None:
    """Fill an installation with a few acts and photograph its pages."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation(Path(folder) / "data").start()
        try:
            _act(installation)
            _photograph(installation)
        finally:
            installation.stop()


def _act(installation: Installation) -> None:
    random_bytes = random.Random(1).randbytes  # noqa: S311  # sample data, alike each time
    with installation.client(headers={"User-Agent": "Firefox/145.0"}) as client:
        for name, (media_type, size) in FILES.items():
            headers = {"Content-Type": media_type}
            client.put(f"/api/v1/files/{name}", content=random_bytes(size), headers=headers)
        client.get("/api/v1/files/quarterly report.pdf")
        client.get("/api/v1/files/contract.pdf")
        client.put("/api/v1/files/scan-0412.tiff", content=b"again")
        client.put("/api/v1/files/draft v2.docx", content=b"draft")
        client.delete("/api/v1/files/draft v2.docx")
        client.get("/")


def _photograph(installation: Installation) -> None:
    path = find_browser()
    if path is None:
        raise SystemExit("There is no Chromium on this machine; install one and try again.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1120, "height": 560})
        for name, address, height in (
            ("files", "/", 560),
            ("logs", "/logs?query=stream:audit", 720),
        ):
            page.set_viewport_size({"width": 1120, "height": height})
            page.goto(installation.url + address)
            page.wait_for_load_state("networkidle")  # the logs come in parts
            page.screenshot(path=IMAGES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
