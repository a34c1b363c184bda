"""Search over records, sealed and unsealed, as one relation."""

from strongroom.audit.query.search.protocol import (
    Bar,
    Facet,
    Histogram,
    Matches,
    Page,
    Percentiles,
    Record,
    RecordSearch,
    Window,
)
from strongroom.audit.query.search.search import API_SECONDS, Search

__all__ = [
    "API_SECONDS",
    "Bar",
    "Facet",
    "Histogram",
    "Matches",
    "Page",
    "Percentiles",
    "Record",
    "RecordSearch",
    "Search",
    "Window",
]
