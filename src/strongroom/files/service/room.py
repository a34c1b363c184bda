"""How much there may be: quotas of people, and what the disk must keep free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.sqlite import insert

from strongroom.errors import Refused
from strongroom.files.events import QuotaChanged
from strongroom.files.refusals import quota_exceeded
from strongroom.files.service.part import Part
from strongroom.files.tables import file_version, user_storage
from strongroom.permissions import Identity

LOOK_EVERY: Final = 16 * 1024 * 1024
"""Bytes of a body between two looks at what the disk has left."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How much somebody has stored, in bytes.

    :param quota: 0 for no limit
    """

    used: int
    quota: int


class Room(Part):
    """Counts what people store."""

    def usage(self, by: Identity | None) -> Usage | None:
        """How much whoever asks has stored; None where nobody is counted."""
        if by is None or by.user_id is None:
            return None
        return self.usage_of(by.user_id)

    def usage_of(self, user_id: str) -> Usage:
        """How much somebody has stored: all versions, and the trash."""
        with self._store.read() as connection:
            return self._usage(connection, user_id)

    def set_quota(self, user_id: str, quota: int | None) -> None:
        """Let somebody store that much; records ``quota_changed``.

        :param quota: bytes; 0 for no limit, None for what the setting says
        """

        def unit(connection: Connection) -> None:
            before = connection.scalar(
                select(user_storage.c.quota_bytes).where(user_storage.c.user_id == user_id)
            )
            put = insert(user_storage).values(user_id=user_id, used_bytes=0, quota_bytes=quota)
            connection.execute(
                put.on_conflict_do_update(
                    index_elements=[user_storage.c.user_id], set_={"quota_bytes": quota}
                )
            )
            self._audit.log(
                QuotaChanged(target_user_id=user_id, quota_bytes=quota, previous_quota_bytes=before)
            )

        self._store.write(unit)

    def check_room(self, length: int | None, by: Identity | None = None) -> None:
        """Refuse what cannot be kept before any of it is read.

        :param length: bytes; None when it is not known
        :raises Refused: 507 ``quota_exceeded`` or ``storage_full``
        """
        usage = self.usage(by)
        if usage is not None and usage.quota and usage.used + (length or 0) > usage.quota:
            raise quota_exceeded(usage.used, usage.quota)
        self._check_disk(length or 0)

    def room(self, by: Identity | None = None) -> Callable[[int], None]:
        """Counts bytes that arrive, and refuses those that cannot be kept.

        :returns: to be called with the number of bytes before they are written
        """
        usage = self.usage(by)
        most = usage.quota - usage.used if usage is not None and usage.quota else None
        arrived = looked = 0
        # On a small disk the reserve is small, and must not be used up between two looks.
        step = min(LOOK_EVERY, self.limits.reserve_bytes // 4) or LOOK_EVERY

        def take(count: int) -> None:
            nonlocal arrived, looked
            arrived += count
            if usage is not None and most is not None and arrived > most:
                raise quota_exceeded(usage.used, usage.quota)
            if arrived - looked >= step:
                looked = arrived
                self._check_disk(count)

        return take

    def _check_disk(self, wanted: int) -> None:
        free = self.blobs.free()
        if free is not None and free - wanted < self.limits.reserve_bytes:
            raise Refused(
                "storage_full",
                "The server has no room left for this. Nothing of it was kept; "
                "tell whoever runs the server.",
                status=507,
            )

    def _usage(self, connection: Connection, user_id: str) -> Usage:
        row = connection.execute(
            select(user_storage).where(user_storage.c.user_id == user_id)
        ).one_or_none()
        quota = self.limits.quota_bytes
        if row is None:
            return Usage(0, quota)
        return Usage(row.used_bytes, quota if row.quota_bytes is None else row.quota_bytes)

    def _charge(self, connection: Connection, by: Identity | None, size: int) -> None:
        """Count bytes as whoever stores them.

        :raises Refused: 507 ``quota_exceeded``
        """
        if by is None or by.user_id is None:
            return
        usage = self._usage(connection, by.user_id)
        if usage.quota and usage.used + size > usage.quota:
            raise quota_exceeded(usage.used, usage.quota)
        put = insert(user_storage).values(user_id=by.user_id, used_bytes=size)
        connection.execute(
            put.on_conflict_do_update(
                index_elements=[user_storage.c.user_id],
                set_={"used_bytes": user_storage.c.used_bytes + size},
            )
        )

    def _release(self, connection: Connection, sizes: dict[str, int]) -> None:
        """Count bytes no longer, by the people who stored them."""
        for user_id, size in sizes.items():
            connection.execute(
                update(user_storage)
                .where(user_storage.c.user_id == user_id)
                .values(used_bytes=user_storage.c.used_bytes - size)
            )


def counted(connection: Connection) -> dict[str, int]:
    """What everybody's versions come to, to compare with what is kept in mind."""
    summed = (
        select(file_version.c.created_by, func.sum(file_version.c.file_size_bytes))
        .where(file_version.c.created_by.is_not(None))
        .group_by(file_version.c.created_by)
    )
    return {row[0]: int(row[1]) for row in connection.execute(summed)}
