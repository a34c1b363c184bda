"""Reading ahead changes nothing but who reads when."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from strongroom.audit.ledger.verify.ahead import ahead


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "strongroom-ahead"]


def _numbers(count: int) -> Generator[int, None, None]:
    yield from range(count)


def test_all_come_in_their_order() -> None:
    assert list(ahead(_numbers(1_000), 4)) == list(range(1_000))
    assert list(ahead(_numbers(0), 4)) == []
    assert threads() == []


def test_an_error_comes_in_its_place() -> None:
    def made() -> Generator[int, None, None]:
        yield 1
        raise LookupError("no more")

    found = ahead(made(), 4)
    assert next(found) == 1
    with pytest.raises(LookupError, match="no more"):
        next(found)
    assert threads() == []


def test_who_stops_early_leaves_nothing() -> None:
    closed = threading.Event()

    def made() -> Generator[int, None, None]:
        try:
            yield from range(1_000)
        finally:
            closed.set()

    found = ahead(made(), 2)
    assert next(found) == 0
    found.close()
    assert closed.is_set()
    assert threads() == []
