"""No value can forge, hide or break a line, whatever renderer writes it."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
import structlog

from strongroom.audit.pipeline.context import bind_context
from tests.unit.making import Capture, renderings, stored_bytes

log = structlog.get_logger()

SGR = re.compile(r"\x1b\[[0-9;]*m")
"""Colours: the only escape sequence a renderer writes itself."""

LOGFMT_PAIR = re.compile(r'([^\s="]+)=("(?:[^"\\]|\\.)*"|[^ "]*)(?: |$)')


class Unprintable:
    """Has no representation."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


def circle() -> list[Any]:
    members: list[Any] = []
    members.append(members)
    return members


def nested(depth: int) -> Any:
    inner: Any = "bottom"
    for _ in range(depth):
        inner = {"in": [inner]}
    return inner


LONG_NAME = "x" * 64

TEXTS = {
    "line break": '\r\n2026-01-01T00:00:00.000000Z [info] file_deleted filename="forged"',
    "other line breaks": "a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i",
    "quotes": 'a" event="forged" b="',
    "backslash": 'a\\" event=forged \\',
    "json": '","event":"forged","x":"',
    "escape": "\x1b[2J\x1b[31mred\x1b]0;title\x07\x9b31m",
    "colour": "\x1b[32minfo\x1b[0m",
    "backspace": "secret\b\b\b\b\b\b\x7f",
    "bidirectional": "abc\u202egpj.exe\u2066\u2069\u200f\u061c",
    "invisible": "a\u200bb\u00adc\ufeffd\u2060e",
    "nul": "a\x00b",
    "lone surrogates": "a\ud800b\udc00c",
    "megabyte": "x" * 1_000_000,
    "megabyte of lines": "\n" * 1_000_000,
    "spaces": " a  b ",
    "empty": "",
}

VALUES: dict[str, Any] = {
    "infinity": [float("inf"), float("-inf"), float("nan")],
    "bytes": b"\x00\xff\r\n",
    "memory": memoryview(b"a\nb"),
    "huge integer": 10**400,
    "very huge integer": 10**5_000,
    "64 bits": [2**63, -(2**63) - 1, 2**64],
    "object": object(),
    "unprintable": Unprintable(),
    "class": Unprintable,
    "function": circle,
    "generator": (number for number in range(3)),
    "set": {1, "two"},
    "circle": circle(),
    "deep": nested(2_000),
    "wide": {f"key{number}": number for number in range(10_000)},
    "odd keys": {1: "one", None: "none", ("a", "b"): 2, b"\n": 3, "\n": 4, Unprintable(): 5},
    "decimal": Decimal("1.10"),
    "uuid": UUID(int=0),
    "path": Path("a\nb"),
    "complex": 1j,
    **TEXTS,
}


def assert_one_line(record: dict[str, Any]) -> None:
    """One line in every renderer, with nothing in it that moves or hides; the same content."""
    for renderer, line in renderings(record).items():
        plain = SGR.sub("", line) if "colour" in renderer else line
        head, *frames = plain.split("\n    ") if "console" in renderer else [plain]
        assert not frames or "exception" in record, renderer
        for part in (head, *frames):
            assert part.splitlines() in ([part], []), renderer
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e]", part)
            assert not re.search(r"[\u2028\u2029\u2060-\u2069\ufeff\xad]", part), renderer
    as_stored = json.loads(orjson.dumps(record))
    line = renderings(record)["json"]
    assert json.loads(line) == as_stored
    assert list(json.loads(line))[:3] == ["timestamp", "level", "event"]
    assert logfmt_names(renderings(record)["logfmt"]) == list(json.loads(line))
    assert stored_bytes(record)


def logfmt_names(line: str) -> list[str]:
    names, position = [], 0
    while position < len(line):
        pair = LOGFMT_PAIR.match(line, position)
        assert pair, line[position:][:80]
        names.append(pair[1])
        position = pair.end()
    return names


@pytest.mark.parametrize("value", VALUES.values(), ids=list(VALUES))
def test_a_value_in_any_place(capture: Capture, value: Any) -> None:
    log.info("cache_warmed", value=value, filename=value, count=value, reason=value)
    log.info("cache_warmed", extra={"inner": value, "list": [value, {"x": value}]})
    log.info("cache_warmed", outcome=value, exc_info=ValueError(value))
    log.bind(value=value).info("cache_warmed", extra=value)
    bind_context(path=value, user_agent=value, other=value)
    log.info("cache_warmed")
    assert [record["event"] for record in capture.records] == ["cache_warmed"] * 5
    for record in capture.records:
        assert_one_line(record)


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_a_text_as_name_and_as_event(capture: Capture, text: str) -> None:
    log.info(text)
    log.info("cache_warmed", **{text: 1})
    log.info(f"{LONG_NAME}{text}")  # noqa: G004  # a sentence, as people write them
    structlog.contextvars.bind_contextvars(**{text: 1})
    log.info("cache_warmed")
    assert len(capture.records) == 4
    for record in capture.records:
        assert_one_line(record)
        assert re.fullmatch(r"[a-z0-9_]{1,64}", record["event"])


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_a_text_in_an_exception(capture: Capture, text: str) -> None:
    try:
        exec(compile("raise ValueError(text)", f"<{text[:50]}>", "exec"))
    except ValueError as error:
        error.add_note(text)
        log.error("work_failed", exc_info=RuntimeError(text, error))
        log.exception("work_failed")
    assert len(capture.records) == 2
    for record in capture.records:
        assert_one_line(record)


def test_what_is_printed_is_what_is_stored(capture: Capture) -> None:
    name = "日本語 😀 ñ.txt"
    log.info("cache_warmed", filename=name)
    for line in renderings(capture.only()).values():
        assert name in line
