"""Writes the reference pages from the code: `make docs`. A test fails when they are out of date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, cast, get_args, get_origin

import click
from annotated_types import Ge, Le
from pydantic_core import PydanticUndefined

from strongroom.audit.events import FIELDS, Event, Level
from strongroom.bootstrap import CATALOGUE
from strongroom.cli import main
from strongroom.settings import CONFIG_VARIABLE, PREFIX, Address, Settings, ShippingSettings
from strongroom.sizes import size_text

REFERENCE = Path(__file__).parent / "reference"
NOTE = "Generated from the code by `make docs`."


def pages() -> dict[str, str]:
    """The reference pages by file name."""
    return {
        "events.md": "\n".join(_events()) + "\n",
        "settings.md": "\n".join(_settings()) + "\n",
        "cli.md": "\n".join(_commands()) + "\n",
    }


def _events() -> Iterator[str]:
    yield from ("# Events", "", NOTE, "")
    yield "Every record also carries what the pipeline binds: `timestamp`, `level`, `event`, `id`,"
    yield "the process, and inside a request its id, method, path, addresses and agent."
    yield ""
    levels = ", ".join(f"{level} {level.severity_number}" for level in Level)
    yield f"As OpenTelemetry severity numbers the levels are {levels}."
    yield ""
    yield from _table_head("event", "stream", "level (outcome)", "meaning", "fields")
    for event in sorted(CATALOGUE, key=lambda event: event.event_name):
        fields = ", ".join(f"`{name}`" for name in event.field_names)
        yield _row(f"`{event.event_name}`", event.stream, _levels(event), _meaning(event), fields)
    yield from ("", "## Fields", "")
    yield "Fields that no event above has are bound by the pipeline, or reserved for what is still to"
    yield "come: folders, renaming, the detection of types."
    yield ""
    yield from _table_head("field", "type", "part", "meaning", "OpenTelemetry")
    for field in FIELDS.values():
        otel = f"`{field.otel}`" if field.otel else ""
        yield _row(f"`{field.name}`", field.type, field.part, field.meaning, otel)


def _settings() -> Iterator[str]:
    yield from ("# Settings", "", NOTE, "")
    yield f"Each is a key of `strongroom.toml`, overridden by `{PREFIX}<NAME>` in the environment,"
    yield "overridden by a flag of `strongroom serve` where there is one (see [command line](cli.md))."
    yield f"The file is looked for in the folder that the command runs in; `{CONFIG_VARIABLE}` names another:"
    yield from ("", "```toml", 'listen = "127.0.0.1:9000"', 'data = "/srv/strongroom"')
    yield from ('max_upload_bytes = "2GB"', 'allowed_hosts = ["files.example.org"]', "```", "")
    yield from _table_head("setting", "values", "default", "meaning")
    for name, field in Settings.model_fields.items():
        values = _values(field.annotation, field.metadata)
        yield _row(f"`{name}`", values, _default(name, field.default), field.description or "")
    yield from ("", "## [shipping.name]", "")
    yield "One table for each system that records are sent to, see [shipping](../shipping.md). The name"
    yield f"is up to you. In the environment `{PREFIX}SHIPPING` has all of them as JSON:"
    yield """`{"siem": {"to": "syslog+tls://siem.example.org"}}`."""
    yield ""
    yield from _table_head("key", "values", "default", "meaning")
    for name, field in ShippingSettings.model_fields.items():
        values = _values(field.annotation, field.metadata)
        yield _row(f"`{name}`", values, _default(name, field.default), field.description or "")


def _commands() -> Iterator[str]:
    yield from ("# Command line", "", NOTE, "")
    yield "Exit codes: 0 done or holds, 1 does not hold, 2 wrong usage, 3 could not be carried out."
    for path, command in _walk(main, "strongroom"):
        context = click.Context(
            command,
            info_name=path,
            terminal_width=80,
            max_content_width=80,
            help_option_names=["-h", "--help"],
        )
        yield from ("", f"## {path}", "", "```text", command.get_help(context), "```")


def _walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _walk(command.commands[name], f"{path} {name}")
    else:
        yield path, command


def _levels(event: type[Event]) -> str:
    return ", ".join(
        f"{level} ({outcome})" if outcome else str(level) for outcome, level in event.levels.items()
    )


def _meaning(event: type[Event]) -> str:
    return " ".join((event.__doc__ or "").split())


def _values(annotation: Any, metadata: Iterable[object]) -> str:
    if get_origin(annotation) is UnionType:  # with None, for what is left out
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    least = next((f"{bound.ge:,}" for bound in metadata if isinstance(bound, Ge)), "")
    most = next((f"{bound.le:,}" for bound in metadata if isinstance(bound, Le)), "")
    bounds = f"{least} to {most}" if most else f"from {least}" if least else ""
    return f"{_TYPES[get_origin(annotation) or annotation]} {bounds}".strip()


_TYPES: Final = {
    Address: "host:port",
    Path: "folder",
    str: "text",
    int: "number",
    bool: "`true`, `false`",
    tuple: "list of names",
    dict: "table",
}


def _default(name: str, value: object) -> str:
    if value in ("", (), None, PydanticUndefined) or value == {}:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple) and not isinstance(value, Address):
        return ", ".join(f"`{each}`" for each in value)
    if name.endswith("_age"):
        return f"`{cast('int', value) // 86_400}d`"
    if name.endswith("_bytes"):
        return f"`{size_text(cast('int', value)).replace('.0 ', '')}`"
    return f"`{value!s}`"


def _table_head(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield "|" + "---|" * len(names)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, "utf-8")
