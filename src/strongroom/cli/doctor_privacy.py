"""What ``strongroom doctor`` says of people who are to be forgotten, or were."""

from __future__ import annotations

from collections.abc import Iterator

from strongroom.audit.archive.forgotten import DONE, forgettings
from strongroom.cli.finding import Finding
from strongroom.store import Store


def privacy_findings(store: Store) -> Iterator[Finding]:
    """Nothing while nobody was to be forgotten."""
    with store.read() as connection:
        found = forgettings(connection)
    pending = [one for one in found if one.state != DONE]
    if pending:
        why = pending[0].waits or "interrupted"
        text = f"{len(pending):,} not at the end: {why}; run strongroom privacy forget"
        yield Finding("forgetting", "bad", text)
    elif found:
        text = "done; backups, shipped records and other copies of before have what was forgotten"
        yield Finding("forgetting", "note", text)
