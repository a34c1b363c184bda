"""What a measure yields, and its rendering as an aligned table or as JSON."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Lab:
    """Where and how large to measure."""

    folder: Path
    quick: bool
    threads: int

    @property
    def big(self) -> int:
        """Bytes of the large transfers."""
        return (64 if self.quick else 1024) * 1024 * 1024

    @property
    def repeats(self) -> int:
        """How often each speed is measured."""
        return 1 if self.quick else 3


@dataclass(frozen=True)
class Reading:
    """One cell of the table: what was measured, in words and in figures."""

    measure: str
    text: str
    figures: dict[str, Any]


class Table:
    """Readings by measure (in order of arrival) and server."""

    def __init__(self, servers: dict[str, str]) -> None:
        self._servers = servers
        self._rows: dict[str, dict[str, Reading]] = {}
        self.notes = [
            (
                f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
                f"Python {platform.python_version()}"
            )
        ]

    def add(self, server: str, readings: list[Reading]) -> None:
        """Enter one server's readings."""
        for reading in readings:
            self._rows.setdefault(reading.measure, {})[server] = reading

    def as_json(self) -> str:
        """Every figure, for other programs."""
        rows = [
            {"measure": measure, **{name: cell.figures for name, cell in cells.items()}}
            for measure, cells in self._rows.items()
        ]
        return json.dumps({"notes": self.notes, "servers": self._servers, "rows": rows}, indent=2)

    def as_text(self) -> str:
        """One row per measure, one column per server."""
        lines = [["measure", *(f"{name} {version}" for name, version in self._servers.items())]]
        for measure, cells in self._rows.items():
            texts = (cells[name].text if name in cells else "" for name in self._servers)
            lines.append([measure, *texts])
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        lines.insert(1, ["-" * width for width in widths])
        body = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        return "\n".join([*self.notes, "", *body])


def milliseconds(seconds: float | None) -> str:
    """A time for the table."""
    return "none" if seconds is None else f"{seconds * 1000:.1f} ms"
