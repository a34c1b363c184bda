"""How a case of the attack suite says what it tries, and whom it once succeeded against."""

from __future__ import annotations

import pytest


def attack(weakness: str, *advisories: str) -> pytest.MarkDecorator:
    """Mark a test with its weakness and with what was published of other servers.

    :param weakness: number and name in the Common Weakness Enumeration
    :param advisories: each an identifier and whose it was, as docs/security.md lists them
    """
    return pytest.mark.attack(weakness, *advisories)
