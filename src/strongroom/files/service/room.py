"""How much there may be: quotas of people, and what the disk must keep free."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from strongroom.files.blobs import Blob
from strongroom.files.events import QuotaChanged
from strongroom.files.refusals import quota_exceeded, storage_full
from strongroom.files.service.in_flight import InFlight
from strongroom.files.service.part import Part, now
from strongroom.files.tables import file_version, held, upload, user_storage
from strongroom.permissions import Identity

LOOK_EVERY: Final = 16 * 1024 * 1024
"""Bytes of a body between two looks at what the disk has left."""

_unfinished: Final = select(upload.c.upload_id).where(
    upload.c.created_by == bindparam("user_id"), upload.c.file_id.is_(None)
)


HELD_FOR: Final = 3 * 3_600_000_000
"""Microseconds for which room is held: until content that belongs to no file has been collected."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How much somebody has stored, in bytes.

    :param quota: 0 for no limit
    """

    used: int
    quota: int


class Room(Part):
    """Counts what people store."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._in_flight = InFlight()

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
        self._check_quota(self._in_use(by), length or 0)
        self._check_disk(length or 0)

    @contextmanager
    def arriving(
        self, length: int | None, by: Identity | None = None
    ) -> Iterator[Callable[[int], None]]:
        """Counts the bytes of a body while the block lasts, and refuses those that cannot be kept.

        Others who begin meanwhile find no room where these are to come.

        :param length: bytes as announced; None when it is not known
        :returns: to be called with the number of bytes before they are written
        :raises Refused: 507 ``quota_exceeded`` or ``storage_full``; and so does what is returned
        """
        user_id = None if by is None else by.user_id
        # Before it is counted among those in flight: what has just been stored is counted once.
        usage = self._stored_and_begun(by)
        with self._in_flight.begin(length or 0, user_id) as arrival:

            def check() -> None:
                self._check_quota(usage, self._in_flight.of(user_id))

            def take(count: int) -> None:
                self._in_flight.add(arrival, user_id, count)
                if arrival.arrived > arrival.announced:
                    check()
                self._look(count)

            check()
            self._check_disk(0)
            yield take

    def room(self, by: Identity | None = None, at_least: int = 0) -> Callable[[int], None]:
        """Counts bytes that arrive of a resumable upload, and refuses those that cannot be kept.

        :param at_least: bytes that are announced, refused at once where they cannot all be kept
        :returns: to be called with the number of bytes before they are written
        :raises Refused: 507 ``quota_exceeded``; and so does what is returned, or ``storage_full``
        """
        usage = self._in_use(by)
        self._check_quota(usage, at_least)
        arrived = 0

        def take(count: int) -> None:
            nonlocal arrived
            arrived += count
            self._check_quota(usage, arrived)
            self._look(count)

        return take

    def _in_use(self, by: Identity | None) -> Usage | None:
        """What somebody has stored, and all that is on its way; None where there is no limit."""
        usage = self._stored_and_begun(by)
        if usage is None or by is None:
            return None
        return Usage(usage.used + self._in_flight.of(by.user_id), usage.quota)

    def _stored_and_begun(self, by: Identity | None) -> Usage | None:
        """What somebody has stored, or is storing, and what has arrived of unfinished uploads.

        Resumable uploads that run at the same moment see one another as they were when they began.
        When any becomes a file it is counted again, one by one, in :meth:`_hold` and :meth:`_charge`.

        :returns: None where nobody is counted, or there is no limit
        """
        if by is None or by.user_id is None:
            return None
        with self._store.read() as connection:
            usage = self._usage(connection, by.user_id)
            if not usage.quota:
                return None
            used = usage.used + _held(connection, by.user_id)
            ids = connection.execute(_unfinished, {"user_id": by.user_id}).scalars().all()
        return Usage(used + sum(map(self.blobs.arrived, ids)), usage.quota)

    def _check_quota(self, usage: Usage | None, wanted: int) -> None:
        # Whoever was given less than they have keeps what they have, and gets no more.
        if usage is not None and usage.used + wanted > usage.quota:
            raise quota_exceeded(usage.used, usage.quota)

    def _look(self, count: int) -> None:
        """Look at the disk from time to time, since others write to it as well.

        :param count: bytes that are about to be written
        """
        # On a small disk the reserve is small, and must not be used up between two looks.
        step = min(LOOK_EVERY, self.limits.reserve_bytes // 4) or LOOK_EVERY
        if self._in_flight.is_due(count, step):
            self._check_disk(count, counted=True)

    def _check_disk(self, wanted: int, *, counted: bool = False) -> None:
        """Refuse what the disk has no room for.

        :param counted: whether the bytes have a place already, beside what is still to come
        """
        free = self.blobs.free()
        if free is None:
            return
        to_come = 0 if counted else self._in_flight.to_come()
        if free - wanted - to_come < self.limits.reserve_bytes:
            raise storage_full()

    def _usage(self, connection: Connection, user_id: str) -> Usage:
        row = connection.execute(
            select(user_storage).where(user_storage.c.user_id == user_id)
        ).one_or_none()
        quota = self.limits.quota_bytes
        if row is None:
            return Usage(0, quota)
        return Usage(row.used_bytes, quota if row.quota_bytes is None else row.quota_bytes)

    def _hold(self, connection: Connection, by: Identity | None, blob: Blob) -> None:
        """Keep room for content that is about to be published, until :meth:`_charge` counts it.

        What is never charged for is on the disk all the same, and so counts until it is collected.

        :raises Refused: 507 ``quota_exceeded``
        """
        if by is None or by.user_id is None:
            return
        moment = now()
        connection.execute(delete(held).where(held.c.expires_at <= moment))
        self._check_total(connection, by.user_id, blob)
        mine = {"user_id": by.user_id, "sha256": blob.sha256}
        kept = {"file_size_bytes": blob.size, "expires_at": moment + HELD_FOR}
        put = insert(held).values(**mine, **kept)
        connection.execute(put.on_conflict_do_update(index_elements=list(mine), set_=kept))

    def _charge(self, connection: Connection, by: Identity | None, blob: Blob) -> None:
        """Count content as whoever stores it; room for it is held no longer.

        :raises Refused: 507 ``quota_exceeded``
        """
        if by is None or by.user_id is None:
            return
        if self._check_total(connection, by.user_id, blob):
            mine = (held.c.user_id == by.user_id) & (held.c.sha256 == blob.sha256)
            connection.execute(delete(held).where(mine))
        put = insert(user_storage).values(user_id=by.user_id, used_bytes=blob.size)
        connection.execute(
            put.on_conflict_do_update(
                index_elements=[user_storage.c.user_id],
                set_={"used_bytes": user_storage.c.used_bytes + blob.size},
            )
        )

    def _check_total(self, connection: Connection, user_id: str, blob: Blob) -> bool:
        """Whether there is a quota at all, which this content does not exceed.

        :raises Refused: 507 ``quota_exceeded``
        """
        usage = self._usage(connection, user_id)
        if usage.quota:
            used = usage.used + _held(connection, user_id, besides=blob.sha256)
            self._check_quota(Usage(used, usage.quota), blob.size)
        return bool(usage.quota)

    def _release(self, connection: Connection, sizes: dict[str, int]) -> None:
        """Count bytes no longer, by the people who stored them."""
        for user_id, size in sizes.items():
            connection.execute(
                update(user_storage)
                .where(user_storage.c.user_id == user_id)
                .values(used_bytes=user_storage.c.used_bytes - size)
            )


def _held(connection: Connection, user_id: str, besides: str = "") -> int:
    """Bytes that room is held for.

    :param besides: SHA-256 of content that does not count
    """
    wanted = select(func.coalesce(func.sum(held.c.file_size_bytes), 0)).where(
        held.c.user_id == user_id, held.c.sha256 != besides, held.c.expires_at > now()
    )
    return int(connection.execute(wanted).scalar_one())


def counted(connection: Connection) -> dict[str, int]:
    """What everybody's versions come to, to compare with what is kept in mind."""
    summed = (
        select(file_version.c.created_by, func.sum(file_version.c.file_size_bytes))
        .where(file_version.c.created_by.is_not(None))
        .group_by(file_version.c.created_by)
    )
    return {row[0]: int(row[1]) for row in connection.execute(summed)}
