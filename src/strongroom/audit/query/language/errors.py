"""The one way in which a query is refused."""

from __future__ import annotations


class QueryError(ValueError):
    """A query that cannot be understood.

    :param message: what is wrong, and what would be valid
    :param column: where, counted from 1
    :param length: of what stands there, where it is known
    :param suggestion: what may have been meant instead of it; empty where nobody can tell
    """

    def __init__(self, message: str, column: int, *, length: int = 1, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.length = length
        self.suggestion = suggestion

    def mended(self, text: str) -> str:
        """The query with the suggestion in it; empty where there is none."""
        start = self.column - 1
        if not self.suggestion:
            return ""
        return text[:start] + self.suggestion + text[start + self.length :]
