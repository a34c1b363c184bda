"""Stored content that is gone or damaged: it is recorded, remembered, and not handed out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO, Final

from sqlalchemy import Connection, Row, Select, and_, delete, exists, or_, select
from sqlalchemy.dialects.sqlite import insert

from strongroom.errors import ServerFault
from strongroom.files.events import ContentDamaged
from strongroom.files.model import StoredFile
from strongroom.files.service.part import Part, now
from strongroom.files.tables import damaged, damaged_file, file_version, node

MISSING: Final = "content_missing"
DAMAGED: Final = "content_damaged"

AT_ONCE: Final = 500
"""Records of damage in one transaction, and marks in one statement."""


class Integrity(Part):
    """What is known of damage."""

    def open_content(self, found: StoredFile) -> BinaryIO:
        """The stored bytes of a file, as an unbuffered stream; the caller closes it.

        Where they are gone, or known not to be what was uploaded, ``content_damaged`` is recorded,
        once for a file and a content.

        :raises ServerFault: ``content_missing`` or ``content_damaged``; nothing must be sent
        :raises Unavailable: when that cannot be recorded
        """
        sha256 = found.sha256
        try:
            content = self.blobs.open(sha256)
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                self.note_damage(sha256, MISSING, "", found.file_id)
            raise ServerFault(
                MISSING,
                "The stored bytes of this file cannot be read. Tell whoever runs the server: "
                "strongroom doctor says more.",
            ) from error
        if os.fstat(content.fileno()).st_size != found.file_size_bytes:
            said = "are not all there"
        elif self.blobs.is_at(sha256, found.damage):
            said = "are not those that were uploaded"
        else:
            return content
        content.close()
        self.note_damage(sha256, DAMAGED, self.blobs.stamp(sha256) or "", found.file_id)
        raise ServerFault(
            DAMAGED,
            f"The stored bytes of this file {said}, so they are not handed out. "
            "Tell whoever runs the server: strongroom doctor says more.",
        )

    def note_damage(self, sha256: str, reason: str, stamp: str, file_id: str | None = None) -> int:
        """Remember that a content is gone or damaged, and record it for every file that shows it.

        Each file gets its record once, however often the same damage is found.

        :param reason: ``content_missing`` or ``content_damaged``
        :param stamp: of the stored content that was looked at, empty when it was gone. When it was
            published anew since, or no version names it any more, nothing is done
        :param file_id: of a file that has it, maybe only as an older version
        :returns: how many records were made
        :raises Unavailable: when the database cannot be written
        """
        count = AT_ONCE
        total = 0
        while count == AT_ONCE:
            count = self._store.write(
                lambda connection: self._note(connection, sha256, reason, stamp, file_id)
            )
            total += count
        return total

    def _note(
        self, connection: Connection, sha256: str, reason: str, stamp: str, file_id: str | None
    ) -> int:
        named = select(exists().where(file_version.c.sha256 == sha256))
        if not connection.scalar(named) or not self.blobs.is_at(sha256, stamp):
            return 0
        before = connection.scalar(select(damaged.c.stamp).where(damaged.c.sha256 == sha256))
        if before != stamp:
            _forget(connection, [sha256])
            values = {"sha256": sha256, "reason": reason, "stamp": stamp, "found_at": now()}
            connection.execute(insert(damaged), values)
        untold = _untold(connection, sha256, file_id)
        for row in untold:
            connection.execute(insert(damaged_file), {"sha256": sha256, "file_id": row.node_id})
            self._audit.log(
                ContentDamaged(
                    reason=reason,
                    file_id=row.node_id,
                    filename=row.name,
                    sha256=sha256,
                    file_size_bytes=row.file_size_bytes,
                )
            )
        return len(untold)

    def note_sound(self, hashes: Iterable[str]) -> None:
        """Forget the damage of contents that were found to be what was uploaded.

        :raises Unavailable: when the database cannot be written
        """
        wanted = list(hashes)
        if wanted:
            self._store.write(lambda connection: _forget(connection, wanted))

    def forget_purged_damage(self) -> None:
        """Forget the damage of contents that no version names any more.

        :raises Unavailable: when the database cannot be written
        """
        unnamed = ~exists().where(file_version.c.sha256 == damaged.c.sha256)
        with self._store.read() as connection:
            found = connection.execute(select(damaged.c.sha256).where(unnamed)).scalars().all()
        for start in range(0, len(found), AT_ONCE):
            some = found[start : start + AT_ONCE]
            self._store.write(lambda connection, some=some: _forget_unnamed(connection, some))  # type: ignore[misc]

    def known_damage(self, after: str = "", limit: int = AT_ONCE) -> list[str]:
        """Hashes of contents that were found damaged and not sound since, in their order.

        :param after: the last one of the page before
        """
        wanted = select(damaged.c.sha256).where(damaged.c.sha256 > after)
        with self._store.read() as connection:
            found = connection.execute(wanted.order_by(damaged.c.sha256).limit(limit))
            return list(found.scalars())


def _untold(connection: Connection, sha256: str, file_id: str | None) -> Sequence[Row[Any]]:
    """Some of the files that show a content, and that one, unless they have their record."""
    shown = node.c.version_id == file_version.c.version_id
    this = and_(node.c.node_id == file_version.c.file_id, node.c.node_id == file_id)
    told = exists().where(damaged_file.c.sha256 == sha256, damaged_file.c.file_id == node.c.node_id)
    wanted: Select[Any] = (
        select(node.c.node_id, node.c.name, file_version.c.file_size_bytes)
        .join(file_version, node.c.node_id == file_version.c.file_id)
        .where(file_version.c.sha256 == sha256, or_(shown, this), ~told)
        .distinct()
        .limit(AT_ONCE)
    )
    return connection.execute(wanted).all()


def _forget(connection: Connection, hashes: Sequence[str]) -> None:
    for table in (damaged, damaged_file):
        for start in range(0, len(hashes), AT_ONCE):
            some = hashes[start : start + AT_ONCE]
            connection.execute(delete(table).where(table.c.sha256.in_(some)))


def _forget_unnamed(connection: Connection, hashes: Sequence[str]) -> None:
    named = select(file_version.c.sha256).where(file_version.c.sha256.in_(hashes))
    kept = set(connection.execute(named).scalars())
    _forget(connection, [sha256 for sha256 in hashes if sha256 not in kept])
