"""The implementations that the contract is tried with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from strongroom.objects import LocalObjects, ObjectStore

STORES: dict[str, Callable[[Path], ObjectStore]] = {"local": LocalObjects}
"""Opens the store that lives at this place; opened again it is the same store."""
