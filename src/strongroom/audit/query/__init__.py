"""Finding records: the query language, and the search that answers it."""

from strongroom.audit.query.language import Query, QueryError, parse
from strongroom.audit.query.search import Page, RecordSearch, Search, Window

__all__ = ["Page", "Query", "QueryError", "RecordSearch", "Search", "Window", "parse"]
