"""What is generated from the code is up to date, and what the README names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generate import REFERENCE, pages

ROOT = Path(__file__).parents[2]
WRITTEN = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs" / "adr").glob("*.md")]


@pytest.mark.parametrize("name", pages())
def test_the_reference_is_up_to_date(name: str) -> None:
    assert (REFERENCE / name).read_text("utf-8") == pages()[name], "run make docs"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_architecture_page_names_every_folder_of_the_package() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    package = ROOT / "src" / "strongroom"
    folders = [path for path in package.iterdir() if (path / "__init__.py").is_file()]
    folders += [path for path in (package / "audit").iterdir() if (path / "__init__.py").is_file()]
    missing = [path.name for path in folders if f"{path.name}/" not in text]
    assert missing == []
