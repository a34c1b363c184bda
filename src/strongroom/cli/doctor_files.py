"""What ``strongroom doctor`` finds of stored files: what is missing, damaged, nobody's or miscounted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import select

from strongroom.cli.finding import Finding
from strongroom.files.blobs import Blobs
from strongroom.files.service import content_sizes
from strongroom.files.service.room import counted
from strongroom.files.tables import damaged, user_storage
from strongroom.files.upkeep.collect import orphans
from strongroom.files.upkeep.scrub import read_round
from strongroom.objects import LocalObjects
from strongroom.settings import Settings
from strongroom.sizes import size_text
from strongroom.store import Store


def file_findings(store: Store, settings: Settings) -> Iterator[Finding]:
    """Look at the content of all files, without reading it."""
    objects = LocalObjects(settings.objects_folder)
    blobs = Blobs(objects)
    yield from _content(store, blobs)
    yield from _damaged(store, blobs)
    yield _scrub(store, settings)
    yield from _orphans(store, blobs)
    yield from _usage(store)
    if leftovers := objects.leftovers():
        yield Finding(
            "leftovers", "note", f"unfinished uploads: {leftovers:,}; the next start clears them"
        )
    yield from _uploads(objects)


def _content(store: Store, blobs: Blobs) -> Iterator[Finding]:
    wanted = content_sizes(store)
    sizes = {sha256: blobs.size(sha256) for sha256 in wanted}
    gone = [sha256 for sha256, size in sizes.items() if size is None]
    cut = [sha256 for sha256, size in sizes.items() if size not in (None, wanted[sha256])]
    if gone or cut:
        bad = [*gone, *cut]
        text = f"missing or cut: {len(bad):,} of {len(wanted):,}, {bad[0]} among them"
        if gone and cut:
            text += f"; {len(gone):,} of them missing"
        yield Finding("content", "bad", text)
    else:
        yield Finding("content", "ok", f"all there: {len(wanted):,}")


def _damaged(store: Store, blobs: Blobs) -> Iterator[Finding]:
    """What a scrub, a verification or a download has found, and is still so."""
    with store.read() as connection:
        rows = connection.execute(select(damaged).order_by(damaged.c.sha256)).all()
    found = [row.sha256 for row in rows if row.stamp and blobs.is_at(row.sha256, row.stamp)]
    if found:
        yield Finding(
            "damaged",
            "bad",
            f"content that is not what was uploaded: {len(found):,}, {found[0]} among them; upload "
            "it again, or put it back from a backup and run strongroom verify --files",
        )


def _scrub(store: Store, settings: Settings) -> Finding:
    here = read_round(store)
    if not settings.scrub_days:
        return Finding("scrub", "note", "off (scrub_days): damage is noticed when it is too late")
    if here is None:
        return Finding("scrub", "note", "no content was read so far; the server does so")
    if here.ended_at is None:
        return Finding("scrub", "ok", f"reading all content since {_day(here.began_at)}")
    return Finding("scrub", "ok", f"all content was read by {_day(here.ended_at)}")


def _orphans(store: Store, blobs: Blobs) -> Iterator[Finding]:
    count = total = 0
    for sha256 in orphans(store, blobs):
        count, total = count + 1, total + (blobs.size(sha256) or 0)
    if count:
        yield Finding(
            "orphans",
            "note",
            f"content that belongs to no file: {count:,}, {size_text(total)}; the server removes "
            "it once it is an hour old",
        )


def _usage(store: Store) -> Iterator[Finding]:
    """What is kept in mind of everybody's storage against what there is."""
    with store.read() as connection:
        rows = connection.execute(select(user_storage.c.user_id, user_storage.c.used_bytes))
        kept = {row.user_id: row.used_bytes for row in rows}
        summed = counted(connection)
    people = kept.keys() | summed.keys()
    wrong = sorted(one for one in people if kept.get(one, 0) != summed.get(one, 0))
    if wrong:
        first = wrong[0]
        yield Finding(
            "usage",
            "bad",
            f"counted wrong for people: {len(wrong):,}, {first} among them, with "
            f"{kept.get(first, 0):,} bytes in place of {summed.get(first, 0):,}",
        )
    elif people:
        yield Finding("usage", "ok", f"counted right for people: {len(people):,}")


def _uploads(objects: LocalObjects) -> Iterator[Finding]:
    count = total = 0
    for upload_id, _ in objects.resumables():
        try:
            total += objects.resumable(upload_id).arrived().size
        except FileNotFoundError:
            continue  # ended meanwhile
        count += 1
    if count:
        yield Finding(
            "uploads", "note", f"half arrived, to be resumed: {count:,}, {size_text(total)}"
        )


def _day(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M UTC")
