"""Roles, permissions and browsers in the words of the people who use them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from strongroom.permissions import Permission, Role

ROLES: Final[Mapping[Role, str]] = MappingProxyType(
    {
        Role.MEMBER: "stores, reads and deletes files",
        Role.AUDITOR: "reads the logs; no files",
        Role.ADMIN: "everything, and decides who may come in",
    }
)

PERMISSIONS: Final[Mapping[Permission, tuple[str, str]]] = MappingProxyType(
    {
        Permission.FILES_READ: ("Read files", "list and download"),
        Permission.FILES_WRITE: ("Change files", "upload and delete"),
        Permission.LOGS_READ: ("Read logs", "search records, download evidence"),
        Permission.ACCOUNTS_MANAGE: ("Manage people", "add, change and disable accounts"),
        Permission.METRICS_READ: ("Read metrics", "numbers for monitoring, no names"),
    }
)
"""A short name, and what it comes to."""

# The more special first: most browsers also name those that they descend from.
_BROWSERS: Final = (
    ("Edge", r"Edg(?:e|A|iOS)?/(\d+)"),
    ("Opera", r"OPR/(\d+)"),
    ("Samsung Internet", r"SamsungBrowser/(\d+)"),
    ("Firefox", r"(?:Firefox|FxiOS)/(\d+)"),
    ("Chrome", r"(?:Headless)?(?:Chrome|CriOS|Chromium)/(\d+)"),
    ("Safari", r"Version/(\d+)[\d.]* (?:Mobile/\S+ )?Safari/"),
)
_SYSTEMS: Final = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux|X11"),
)
_SHORT: Final = 40


def browser_text(user_agent: str | None) -> str:
    """What people call this browser: Firefox 145 on Linux. What it is not, it may pretend to be."""
    if not user_agent:
        return "unknown browser"
    name = next(
        (f"{name} {hit[1]}" for name, form in _BROWSERS if (hit := re.search(form, user_agent))), ""
    )
    system = next((name for name, form in _SYSTEMS if re.search(form, user_agent)), "")
    if name and system:
        return f"{name} on {system}"
    return name or user_agent[:_SHORT] + ("…" if len(user_agent) > _SHORT else "")
