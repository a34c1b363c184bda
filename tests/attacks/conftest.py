"""Every case of the attack suite is marked with what it tries."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a case that does not say which weakness it tries."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("attack") is None:
            raise pytest.UsageError(f"{item.nodeid}: mark it with tests.attacks.attack.attack")
