"""The query language. Pure: text in, syntax tree out, and back.

What is here is its core: words, phrases and ``field:value``, all of which must hold. A query
that is valid today means the same once the language has grown.
"""

from strongroom.audit.query.language.parse import QueryError, parse
from strongroom.audit.query.language.tree import SEARCHABLE, FieldTerm, Query, TextTerm

__all__ = ["SEARCHABLE", "FieldTerm", "Query", "QueryError", "TextTerm", "parse"]
