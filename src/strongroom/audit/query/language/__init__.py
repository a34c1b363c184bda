"""The query language. Pure: text in, syntax tree out, and back."""

from strongroom.audit.query.language.errors import QueryError
from strongroom.audit.query.language.fields import KNOWN, PEOPLE, SEARCHABLE
from strongroom.audit.query.language.parse import MAX_DEPTH, MAX_LENGTH, MAX_TERMS, parse
from strongroom.audit.query.language.query import Query, fields_of
from strongroom.audit.query.language.tree import (
    Above,
    And,
    AtLeast,
    AtMost,
    Below,
    Between,
    During,
    Is,
    Like,
    Not,
    Or,
    Present,
    Term,
    Text,
    Within,
)

__all__ = [
    "KNOWN",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "MAX_TERMS",
    "PEOPLE",
    "SEARCHABLE",
    "Above",
    "And",
    "AtLeast",
    "AtMost",
    "Below",
    "Between",
    "During",
    "Is",
    "Like",
    "Not",
    "Or",
    "Present",
    "Query",
    "QueryError",
    "Term",
    "Text",
    "Within",
    "fields_of",
    "parse",
]
