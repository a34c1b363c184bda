"""What ``strongroom doctor`` finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    :param state: ``ok``, ``note`` (worth knowing) or ``bad`` (must be mended)
    """

    check: str
    state: str
    text: str
