"""The one way in which a query is refused."""

from __future__ import annotations


class QueryError(ValueError):
    """A query that cannot be understood.

    :param message: what is wrong, and what would be valid
    :param column: where, counted from 1
    """

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.column = column
