"""Rows of figures, printed as a table or as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """One measured figure, and what it is held against."""

    name: str
    figure: float
    unit: str
    against: str = ""


def machine() -> str:
    """What it was measured on, and how busy that was with other things."""
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"load average {load:.1f}"
    )


def as_text(rows: Sequence[Row]) -> str:
    """An aligned table."""
    cells = [(row.name, f"{row.figure:,.2f} {row.unit}", row.against) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(3)]
    lines = [
        f"{name.ljust(widths[0])}  {figure.rjust(widths[1])}  {against}".rstrip()
        for name, figure, against in cells
    ]
    return "\n".join([machine(), "", *lines])


def as_json(rows: Sequence[Row]) -> str:
    """Every figure, for other programs."""
    return json.dumps({"machine": machine(), "rows": [asdict(row) for row in rows]}, indent=2)
