"""Between which ids a segment's lie: ids that tell their time hardly overlap from one to the next."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb

from strongroom.audit.archive.index import Segment
from strongroom.audit.query.compile.known import UUID
from strongroom.audit.query.search.engine import Engine, TimeUp
from strongroom.audit.query.search.sources import quoted

FENCED: Final = ("id", "request_id")
"""Fields whose least and greatest value in each segment is kept in memory."""

SECONDS: Final = 2.0
"""To look into the files for them; without them, more is read."""

Fence = Mapping[str, tuple[str, str]]


@dataclass(slots=True)
class Fences:
    """What the files themselves say of their ids, as far as one process has asked. Thread-safe."""

    engine: Engine
    folder: Path
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _known: dict[Segment, Fence] = field(default_factory=dict)

    def keep(self, segments: Collection[Segment]) -> None:
        """Forget all others."""
        kept = set(segments)
        with self._guard:
            self._known = {s: fence for s, fence in self._known.items() if s in kept}

    def may_hold(
        self, segments: Sequence[Segment], needles: Mapping[str, Collection[str]]
    ) -> list[Segment]:
        """Those of the segments that may hold one of the values of each field."""
        wanted = {
            name: values
            for name in FENCED
            if (values := needles.get(name)) and all(map(UUID.fullmatch, values))
        }
        if not wanted:
            return list(segments)
        self._look_into([s for s in segments if s not in self._known])
        return [s for s in segments if _fits(self._known.get(s, {}), wanted)]

    def _look_into(self, segments: Sequence[Segment]) -> None:
        paths = {str(segment.path(self.folder)): segment for segment in segments}
        if not paths:
            return
        fields = ", ".join(map(quoted, FENCED))
        sql = (
            "SELECT file_name, path_in_schema, min(stats_min_value), max(stats_max_value), "  # noqa: S608  # our own names
            "count(*) = count(stats_min_value) AND count(*) = count(stats_max_value) "
            f"FROM parquet_metadata([{', '.join(map(quoted, paths))}]) "
            f"WHERE path_in_schema IN ({fields}) GROUP BY ALL"
        )
        try:
            rows = self.engine.rows(sql, [], SECONDS)
        except (duckdb.Error, TimeUp):
            return  # whoever reads them says what is wrong
        found: dict[Segment, dict[str, tuple[str, str]]] = {s: {} for s in segments}
        for path, name, least, greatest, whole in rows:
            if whole:
                found[paths[path]][name] = (least, greatest)
        with self._guard:
            self._known.update(found)


def _fits(fence: Fence, wanted: Mapping[str, Iterable[str]]) -> bool:
    return all(
        name not in fence or any(fence[name][0] <= value <= fence[name][1] for value in values)
        for name, values in wanted.items()
    )
