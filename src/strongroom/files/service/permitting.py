"""Who may what in a folder, and in those below that say nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from strongroom.errors import Refused
from strongroom.files.events import ChangeNotNeeded, FolderPermissionChanged
from strongroom.files.model import Folder, Grant, Level
from strongroom.files.service.part import Part, demand
from strongroom.files.tables import EVERYONE, folder_permission
from strongroom.files.tree import level_in, open_folder
from strongroom.permissions import Identity

_SHARE = "say who may what"


@dataclass(frozen=True, slots=True)
class Permissions:
    """Who may what in a folder.

    :param inherited_from: path of the folder that says so; None when it is this one
    """

    folder: Folder
    grants: Sequence[Grant]
    inherited_from: str | None


class Permitting(Part):
    """Reads and changes permissions of folders."""

    def permissions(self, folder_id: str, by: Identity | None = None) -> Permissions:
        """Who may what in a folder, for those who may manage it.

        :raises Refused: 404 ``folder_not_found``, or 403
        """
        with self._store.read() as connection:
            folder = demand(open_folder(connection, folder_id, by), folder_id, Level.MANAGE, _SHARE)
            for above in reversed(folder.chain):
                if grants := _grants(connection, above):
                    break
            else:
                above, grants = folder.chain[0], {}
            source = open_folder(connection, above, None)
        inherited = None if above == folder_id or source is None else source.path
        shown = [Grant(None if who == EVERYONE else who, level) for who, level in grants.items()]
        return Permissions(folder, shown, inherited)

    def permit(
        self, folder_id: str, levels: Mapping[str | None, Level], by: Identity | None = None
    ) -> None:
        """Say anew who may what in a folder; records ``folder_permission_changed`` for each change.

        :param levels: by user id, None for everyone; empty to inherit again what is above
        :raises Refused: 404 ``folder_not_found``, 403, 400 ``user_not_found`` or
            ``root_needs_permissions``, 409 ``would_lock_out``
        """
        wanted = {
            EVERYONE if who is None else who: level
            for who, level in levels.items()
            if level is not Level.NONE
        }
        if levels and not wanted:
            raise Refused(
                "nobody_left", "Somebody must be able to do something in it. Name somebody."
            )
        self._check_known(wanted)

        def unit(connection: Connection) -> None:
            folder = open_folder(connection, folder_id, by)
            folder = demand(folder, folder_id, Level.MANAGE, _SHARE)
            if folder.is_root and not wanted:
                raise Refused(
                    "root_needs_permissions",
                    "There is nothing above this folder to inherit from. Name somebody.",
                )
            before = _grants(connection, folder_id)
            connection.execute(
                delete(folder_permission).where(folder_permission.c.folder_id == folder_id)
            )
            rows = [
                {"folder_id": folder_id, "user_id": who, "level": level.word}
                for who, level in wanted.items()
            ]
            if rows:
                connection.execute(insert(folder_permission), rows)
            if level_in(connection, folder.chain, by) < Level.MANAGE:
                raise Refused(
                    "would_lock_out",
                    "Then you could not manage this folder any more. Keep that right for "
                    "yourself; somebody else who has it can take it from you.",
                    status=409,
                )
            self._record_permissions(folder, before, wanted)

        self._act(by, unit)

    def _check_known(self, wanted: Mapping[str, Level]) -> None:
        ids = set(wanted) - {EVERYONE}
        if ids - set(self._audit.people.names(ids)):
            raise Refused("user_not_found", "Somebody named here has no account. Reload the page.")

    def _record_permissions(
        self, folder: Folder, before: Mapping[str, Level], after: Mapping[str, Level]
    ) -> None:
        if before == after:
            self._audit.log(ChangeNotNeeded(folder_id=folder.folder_id, folder=folder.path))
        for who in sorted(before.keys() | after.keys()):
            old, new = before.get(who, Level.NONE), after.get(who, Level.NONE)
            if old is not new:
                self._audit.log(
                    FolderPermissionChanged(
                        folder_id=folder.folder_id,
                        folder=folder.path,
                        permission=new.word,
                        previous_permission=old.word,
                        target_user_id=None if who == EVERYONE else who,
                    )
                )


def _grants(connection: Connection, folder_id: str) -> dict[str, Level]:
    wanted = (
        select(folder_permission)
        .where(folder_permission.c.folder_id == folder_id)
        .order_by(folder_permission.c.user_id)
    )
    return {row.user_id: Level.of(row.level) for row in connection.execute(wanted)}
