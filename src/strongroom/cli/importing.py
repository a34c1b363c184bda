"""``strongroom log import``: other programs' logs."""

from __future__ import annotations

import gzip
import sys
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, tzinfo
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo

import click

from strongroom.audit.events import Outcome, Stream
from strongroom.audit.events.system import RecordsImported
from strongroom.audit.extension import AuditLog
from strongroom.audit.importing import FORMATS, Importer, Unrecognised
from strongroom.bootstrap import CATALOGUE
from strongroom.cli import FAILED, data_options
from strongroom.cli.import_output import Progress, Rejections, print_summary, show_name
from strongroom.cli.log import log, open_store
from strongroom.errors import Refused, StrongroomError
from strongroom.version import __version__

STANDARD_INPUT = "standard input"
INTERRUPTED = "interrupted; what was added stays, and the same command adds the rest"
UNRECOGNISED = "the format is not recognised; name it with --format"

_GZIP = b"\x1f\x8b"
"""How a gzip file begins (RFC 1952, section 2.3.1)."""

_EVIDENCE = frozenset(event.event_name for event in CATALOGUE if event.stream is Stream.AUDIT)


def _mapping(_context: object, _option: object, pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise click.BadParameter(f"{pair!r} is not OURS=THEIRS, such as timestamp=when")
        found[ours] = theirs
    return found


def _zone(_context: object, _option: object, name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name != "UTC" else UTC
    except (ValueError, OSError, KeyError):
        raise click.BadParameter(
            f"there is no time zone {name!r} here; write one like Europe/Berlin"
        ) from None


@log.command("import")
@data_options
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["auto", *sorted(FORMATS)]),
    default="auto",
    show_default=True,
    help="What wrote the lines.",
)
@click.option(
    "--map",
    "mapping",
    multiple=True,
    callback=_mapping,
    metavar="OURS=THEIRS",
    help="Take our field from this key of theirs, a.b.c where it is nested; may be given again.",
)
@click.option("--app", default="", metavar="NAME", help="Recorded as app; tells sources apart.")
@click.option(
    "--timezone",
    "zone",
    default="UTC",
    show_default=True,
    callback=_zone,
    metavar="NAME",
    help="Where times without an offset were written.",
)
@click.option(
    "--rejected",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write every rejected line's number and reason to this file, as JSON lines.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def import_(
    *,
    files: Sequence[Path],
    kind: str,
    mapping: Mapping[str, str],
    app: str,
    zone: tzinfo,
    rejected: Path | None,
    as_json: bool,
    **flags: object,
) -> None:
    """Import JSON lines that other programs have logged.

    FILE may be compressed with gzip, and - is standard input. Lines that an earlier import has
    added are not added again, so the same command can be repeated on files that grow. What has no
    field of ours goes to extra; secrets and query strings are not stored.

    Exits with 0 when every line is in, 1 when lines were rejected, 3 when a file could not be read
    to its end; all other lines are in then too.
    """
    if rejected is not None and any(_is_same(rejected, path) for path in files):
        raise click.UsageError(f"--rejected would overwrite {rejected}, which is to be imported")
    store = open_store(dict(flags))
    started = time.monotonic()
    with ExitStack() as stack:
        stack.callback(store.close)
        audit = AuditLog(store=store, name="strongroom", version=__version__)
        rejections = stack.enter_context(Rejections(rejected))
        try:
            importer = Importer(
                store,
                audit.journal,
                audit.log,
                kind=FORMATS.get(kind),
                mapping=mapping,
                app=app,
                zone=zone,
                reserved=_EVIDENCE,
                on_rejected=rejections.add,
            )
        except Refused as refusal:
            raise click.UsageError(refusal.message) from None
        failures = _run(importer, files, quiet=as_json)
        try:
            audit.log(_ended(importer, failures))
        except StrongroomError as error:
            failures.append(str(error))
    print_summary(
        importer.reports, failures, rejections, time.monotonic() - started, as_json=as_json
    )
    if failures:
        sys.exit(FAILED)
    if any(report.rejected for report in importer.reports):
        sys.exit(1)


def _run(importer: Importer, files: Sequence[Path], *, quiet: bool) -> list[str]:
    """Import the files one after the other; what went wrong with which."""
    failures = []
    with Progress(quiet=quiet) as progress:
        for path in files:
            name = STANDARD_INPUT if _is_dash(path) else str(path)
            try:
                with _opened(path) as (raw, stream):
                    moved = progress.follow(name, raw)
                    importer.run(name, stream, on_format=progress.announce, on_batch=moved)
                    moved()
            except Unrecognised:
                failures.append(f"{show_name(name)}: {UNRECOGNISED}")
            except (OSError, EOFError, zlib.error) as error:
                failures.append(f"{show_name(name)}: cannot be read to its end: {error}")
            except StrongroomError as error:
                return [*failures, str(error)]
            except KeyboardInterrupt:
                return [*failures, INTERRUPTED]
    return failures


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The file as it lies there, whose position tells the progress, and its content."""
    with ExitStack() as stack:
        raw = BufferedReader(stack.enter_context(_raw(path)))
        if raw.peek(len(_GZIP)).startswith(_GZIP):
            content = stack.enter_context(gzip.GzipFile(fileobj=raw))
            yield cast("BinaryIO", raw), cast("BinaryIO", content)
        else:
            yield cast("BinaryIO", raw), cast("BinaryIO", raw)


def _raw(path: Path) -> FileIO:
    return FileIO(0, closefd=False) if _is_dash(path) else FileIO(path)


def _ended(importer: Importer, failures: Sequence[str]) -> RecordsImported:
    reports = importer.reports
    return RecordsImported(
        outcome=Outcome.FAILED if failures else Outcome.SUCCESS,
        count=sum(report.added for report in reports),
        extra={
            "by": "command line",
            "files": [report.name for report in reports],
            "formats": sorted({report.format for report in reports if report.format}),
            "already_there": sum(report.present for report in reports),
            "rejected": sum(report.rejected for report in reports),
        },
    )


def _is_dash(path: Path) -> bool:
    return str(path) == "-"


def _is_same(one: Path, other: Path) -> bool:
    return not _is_dash(other) and one.exists() and one.samefile(other)
