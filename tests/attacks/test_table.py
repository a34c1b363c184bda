"""The table in docs/security.md says what the suite tries, no more and no less."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.attacks.attack import attack

pytestmark = attack("none: the suite's own check")

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "security.md"


def marks() -> set[tuple[str, str, str]]:
    """What each file of the suite tries, from its own code."""
    found = set()
    for file in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "attack":
                weakness, *advisories = (str(ast.literal_eval(value)) for value in node.args)
                if weakness.startswith("CWE-"):
                    found.add((weakness, ", ".join(advisories), file.name))
    return found


def test_the_table() -> None:
    rows = re.findall(
        r"^\| (CWE-[^|]+?) \| ([^|]*?) \| (test_\w+\.py) \|$", PAGE.read_text(), re.MULTILINE
    )
    assert set(rows) == marks()
    assert rows
