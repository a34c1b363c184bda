"""Finding records: the query language, and the search that answers it."""

from strongroom.audit.query.journal_search import JournalSearch
from strongroom.audit.query.language import Query, QueryError, parse
from strongroom.audit.query.search import Page, RecordSearch, Window

__all__ = ["JournalSearch", "Page", "Query", "QueryError", "RecordSearch", "Window", "parse"]
