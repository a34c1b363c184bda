"""Turns a query into SQL for DuckDB, and into what a search can leave out because of it."""

from strongroom.audit.query.compile.compiled import Compiled, compile_query
from strongroom.audit.query.compile.facts import Bounds, Facts

__all__ = ["Bounds", "Compiled", "Facts", "compile_query"]
