"""Who may what: every act, at every level, however somebody came by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from strongroom.errors import Refused
from strongroom.files.model import Level
from strongroom.permissions import Identity, Permission, Role
from tests.unit.files.acts import ACTS, MAKES_WHAT_IS_MISSING, Act, Scene, set_scene
from tests.unit.files.cabinet import ADA, BEN, EVE, MIA, Cabinet, person


class TakenBack(Exception):
    """Ends a unit of work so that nothing of it is kept."""


def outcome(cabinet: Cabinet, act: Act, scene: Scene) -> Refused | None:
    """The refusal, if it is one; whatever was done is undone."""

    def unit(_connection: Connection) -> None:
        act(scene)
        raise TakenBack

    try:
        cabinet.store.write(unit)
    except TakenBack:
        return None
    except Refused as refusal:
        return refusal
    raise AssertionError("unreachable")


def assert_matrix(cabinet: Cabinet, scene: Scene, level: Level) -> None:
    """Each act is done, refused, or looks as if there were nothing, by this level."""
    for name, (needed, act) in ACTS.items():
        refusal = outcome(cabinet, act, scene)
        if level >= needed:
            assert refusal is None, name
        elif level >= Level.READ:
            assert refusal is not None, name
            assert (refusal.reason, refusal.status) == ("permission_missing", 403), name
        else:
            assert refusal is not None, name
            assert (refusal.status, refusal.recorded) == (404, "permission_missing"), name
            assert not refusal.extra, name
            if name not in MAKES_WHAT_IS_MISSING:
                nothing = outcome(cabinet, act, scene.without())
                assert nothing is not None, name
                assert (refusal.reason, scene.as_without(refusal.message)) == (
                    nothing.reason,
                    nothing.message,
                ), name


GRANTS: dict[str, Callable[[Level], dict[str, Level]]] = {
    "person": lambda level: {"mia": level, "eve": Level.MANAGE},
    "everyone": lambda level: {"everyone": level, "eve": Level.MANAGE},
    "the_higher_counts": lambda level: {
        "mia": level,
        "everyone": min(level, Level.READ),
        "eve": Level.MANAGE,
    },
    "the_higher_counts_for_everyone": lambda level: {
        "mia": min(level, Level.READ),
        "everyone": level,
        "eve": Level.MANAGE,
    },
}


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("grant", GRANTS)
@pytest.mark.parametrize("shared", ["/top/room", "/top"])
def test_the_matrix(cabinet: Cabinet, level: Level, grant: str, shared: str) -> None:
    scene = set_scene(cabinet, MIA)
    cabinet.share(shared, **GRANTS[grant](level))
    assert_matrix(cabinet, scene, level)


@pytest.mark.parametrize("level", Level)
def test_the_nearest_list_counts_alone(cabinet: Cabinet, level: Level) -> None:
    """More above does not help, less above does not hurt."""
    scene = set_scene(cabinet, MIA)
    for above in (Level.MANAGE, Level.WRITE):
        cabinet.share("/top", mia=above, eve=Level.MANAGE)
        cabinet.share("/top/room", mia=level, eve=Level.MANAGE)
        assert_matrix(cabinet, scene, level)


SCOPES = {
    (): Level.MANAGE,
    (Permission.FILES_READ,): Level.READ,
    (Permission.FILES_READ, Permission.FILES_WRITE): Level.MANAGE,
    (Permission.LOGS_READ,): Level.NONE,
}


@pytest.mark.parametrize("scopes", SCOPES)
@pytest.mark.parametrize("role", [Role.MEMBER, Role.ADMIN])
def test_a_token_may_no_more_than_its_scopes(
    cabinet: Cabinet, scopes: tuple[Permission, ...], role: Role
) -> None:
    by = person("mia", role, *scopes)
    scene = set_scene(cabinet, by)
    cabinet.share("/top/room", mia=Level.MANAGE)
    for name, (needed, act) in ACTS.items():
        refusal = outcome(cabinet, act, scene)
        assert (refusal is None) == (SCOPES[scopes] >= needed), (name, refusal and refusal.message)


@pytest.mark.parametrize("level", Level)
def test_a_token_may_no_more_than_its_owner(cabinet: Cabinet, level: Level) -> None:
    by = person("mia", Role.MEMBER, Permission.FILES_READ, Permission.FILES_WRITE)
    scene = set_scene(cabinet, by)
    cabinet.share("/top/room", mia=level, eve=Level.MANAGE)
    assert_matrix(cabinet, scene, level)


def test_an_admin_may_everything_and_no_more_once_they_are_none(cabinet: Cabinet) -> None:
    scene = set_scene(cabinet, ADA)
    cabinet.share("/top/room", eve=Level.MANAGE)
    assert_matrix(cabinet, scene, Level.MANAGE)
    demoted = set_scene_of(scene, person("ada", Role.MEMBER))
    assert_matrix(cabinet, demoted, Level.NONE)


def test_an_auditor_sees_no_files(cabinet: Cabinet) -> None:
    scene = set_scene(cabinet, person("mia", Role.AUDITOR))
    cabinet.share("/top/room", mia=Level.MANAGE, everyone=Level.MANAGE)
    for name, (_needed, act) in ACTS.items():
        assert outcome(cabinet, act, scene) is not None, name
    assert cabinet.trashed(scene.by) == []


def set_scene_of(scene: Scene, by: Any) -> Scene:
    """The same for somebody else."""
    return Scene(scene.files, by, *(getattr(scene, name) for name in Scene.__slots__[2:]))


def test_a_name_that_begins_alike_is_another_folder(cabinet: Cabinet) -> None:
    cabinet.put("/a/x")
    cabinet.put("/ab/y")
    cabinet.put("/a b/z")
    cabinet.share("/a", eve=Level.MANAGE)
    assert cabinet.names("/", MIA) == ["a b/", "ab/"]
    assert cabinet.names("/ab", MIA) == ["y"]
    assert cabinet.names("/", EVE) == ["a/", "a b/", "ab/"]
    cabinet.share("/a")
    cabinet.share("/ab", eve=Level.MANAGE)
    assert cabinet.names("/a", MIA) == ["x"]
    assert cabinet.names("/", MIA, query="y") == []


def test_a_list_moves_with_its_folder_and_the_rest_inherits_anew(cabinet: Cabinet) -> None:
    cabinet.put("/own/room/sub/x")
    cabinet.put("/others/y")
    cabinet.share("/own", mia=Level.MANAGE)
    cabinet.share("/others", mia=Level.WRITE, ben=Level.READ)
    assert cabinet.names("/", BEN) == ["others/"]
    room = cabinet.id("/own/room")
    cabinet.files.move(room, MIA, folder_id=cabinet.id("/others"))
    assert cabinet.names("/others/room/sub", BEN) == ["x"]
    assert cabinet.files.folder_by_id(room, MIA).level is Level.WRITE
    cabinet.files.permit(room, {"u-eve": Level.MANAGE})
    cabinet.files.move(room, folder_id=cabinet.id("/own"))
    assert cabinet.files.folder_by_id(room, EVE).path == "/own/room"
    for who in (MIA, BEN):
        with cabinet.refused("folder_not_found", 404):
            cabinet.files.folder_by_id(room, who)


def test_a_hidden_folder_is_nowhere(cabinet: Cabinet) -> None:
    cabinet.put("/a/secret/plan.txt")
    cabinet.put("/a/open.txt")
    cabinet.share("/a/secret", eve=Level.MANAGE)
    listing = cabinet.files.list("/a", MIA)
    assert (listing.folders, listing.total) == ([], 1)
    assert cabinet.files.list("/", MIA).folders[0].count == 1
    assert cabinet.files.count("/a", MIA) == 1
    for query in ("secret", "plan"):
        assert cabinet.names("/", MIA, query) == []
        assert cabinet.names("/", EVE, query) != []
    cabinet.files.trash([cabinet.id("/a/secret")], EVE)
    assert cabinet.trashed(MIA) == []
    assert cabinet.trashed(EVE) == ["/a/secret"]


def test_a_hidden_folder_in_the_trash_is_nowhere(cabinet: Cabinet) -> None:
    secret = cabinet.folder("/a/secret").folder_id
    cabinet.put("/a/secret/plan.txt")
    cabinet.share("/a", everyone=Level.MANAGE)
    cabinet.share("/a/secret", eve=Level.MANAGE)
    cabinet.files.trash([secret], EVE)
    assert cabinet.trashed(MIA) == []
    for use in (
        lambda: cabinet.files.restore([secret], MIA),
        lambda: cabinet.files.purge([secret], MIA),
    ):
        with cabinet.refused("file_not_found", 404) as refusal:
            use()
        assert "secret" not in refusal.value.message
    assert cabinet.files.empty_trash(MIA) == 0
    assert cabinet.trashed(EVE) == ["/a/secret"]


def test_nothing_is_told_of_what_lies_in_a_hidden_folder(cabinet: Cabinet) -> None:
    """Not even that a name is taken there, let alone the hash of who bears it."""
    cabinet.put("/hidden/plan.txt")
    cabinet.share("/hidden", eve=Level.MANAGE)
    for path in ("/hidden/plan.txt/x", "/hidden/none/x", "/hidden/x"):
        with cabinet.refused("folder_not_found", 404) as refusal:
            cabinet.files.place(path, MIA, make=True)
        assert not refusal.value.extra


def test_where_nothing_may_be_made_a_hidden_folder_is_as_none(cabinet: Cabinet) -> None:
    cabinet.put("/top/hidden/plan.txt")
    cabinet.share("/top", everyone=Level.READ)
    cabinet.share("/top/hidden", eve=Level.MANAGE)
    said = []
    for name in ("hidden", "absent"):
        for path in (f"/top/{name}", f"/top/{name}/x", f"/top/{name}/plan.txt/x"):
            with cabinet.refused("permission_missing", 403) as refusal:
                cabinet.files.place(path, MIA, make=True)
            said.append(refusal.value.message)
    assert len(set(said)) == 1


def test_a_folder_with_one_that_may_not_be_deleted_stays(cabinet: Cabinet) -> None:
    cabinet.put("/a/b/keep/x")
    cabinet.share("/a/b/keep", everyone=Level.READ, eve=Level.MANAGE)
    for hidden in (False, True):
        with cabinet.refused("permission_missing", 403) as refusal:
            cabinet.files.trash([cabinet.id("/a")], MIA)
        assert "keep" not in refusal.value.message, hidden
        cabinet.share("/a/b/keep", eve=Level.MANAGE)
    cabinet.files.trash([cabinet.id("/a")], ADA)


def test_rights_in_a_room_below_a_hidden_one(cabinet: Cabinet) -> None:
    """By its address it can be had: the nearest list counts alone."""
    stored = cabinet.put("/hidden/room/plan.txt")
    cabinet.share("/hidden", eve=Level.MANAGE)
    cabinet.share("/hidden/room", mia=Level.WRITE)
    assert cabinet.files.find(stored.path, MIA) == stored
    assert cabinet.put("/hidden/room/new/x", by=MIA).folder == "/hidden/room/new"
    assert cabinet.names("/", MIA, "plan") == ["plan.txt"]
    for use in (
        lambda: cabinet.files.move(stored.folder_id, MIA, name="other"),
        lambda: cabinet.files.trash([stored.folder_id], MIA),
    ):
        with cabinet.refused("file_not_found", 404):
            use()


def test_who_may_what_can_be_seen_and_changed(cabinet: Cabinet) -> None:
    room = cabinet.folder("/a/room").folder_id
    found = cabinet.files.permissions(room)
    assert (found.inherited_from, [(g.user_id, g.level) for g in found.grants]) == (
        "/",
        [(None, Level.WRITE)],
    )
    cabinet.share("/a", mia=Level.MANAGE, ben=Level.READ)
    assert cabinet.files.permissions(room, MIA).inherited_from == "/a"
    with cabinet.recording() as during:
        cabinet.files.permit(
            room, {"u-mia": Level.MANAGE, "u-ben": Level.NONE, None: Level.READ}, MIA
        )
        cabinet.files.permit(room, {"u-mia": Level.MANAGE, "u-ben": Level.WRITE}, MIA)
        cabinet.files.permit(room, {}, MIA)
    changes = [
        (one.get("target_user_id"), one["previous_permission"], one["permission"]) for one in during
    ]
    assert changes == [
        (None, "none", "read"),
        ("u-mia", "none", "manage"),
        (None, "read", "none"),
        ("u-ben", "none", "write"),
        ("u-ben", "write", "none"),
        ("u-mia", "manage", "none"),
    ]
    assert cabinet.files.permissions(room, MIA).inherited_from == "/a"


def test_a_list_that_cannot_be(cabinet: Cabinet) -> None:
    room = cabinet.folder("/a").folder_id
    cabinet.share("/a", mia=Level.MANAGE)
    cabinet.share("/", mia=Level.WRITE, eve=Level.MANAGE)
    lists: tuple[tuple[str, int, dict[str | None, Level], Identity | None], ...] = (
        ("would_lock_out", 409, {"u-ben": Level.MANAGE}, MIA),
        ("would_lock_out", 409, {"u-mia": Level.WRITE}, MIA),
        ("would_lock_out", 409, {}, MIA),
        ("nobody_left", 400, {"u-mia": Level.NONE, None: Level.NONE}, MIA),
        ("user_not_found", 400, {"u-mia": Level.MANAGE, "u-none": Level.READ}, MIA),
        ("nobody_left", 400, {"u-mia": Level.NONE}, None),
    )
    for reason, status, levels, by in lists:
        with cabinet.refused(reason, status):
            cabinet.files.permit(room, levels, by)
    with cabinet.refused("root_needs_permissions", 400):
        cabinet.files.permit(cabinet.id("/"), {}, EVE)
    cabinet.files.permit(room, {"u-ben": Level.READ}, ADA)  # an administrator is never out
    assert cabinet.files.folder("/a", BEN).level is Level.READ


def test_a_role_that_is_lost_while_a_body_arrives(cabinet: Cabinet) -> None:
    """The folder was open when the body began, and is not when it ends."""
    folder = cabinet.folder("/a")
    cabinet.share("/a", mia=Level.WRITE)
    assert cabinet.files.place("/a", MIA).folder_id == folder.folder_id
    cabinet.files.check_free(folder.folder_id, "x", MIA)
    cabinet.share("/a", mia=Level.READ)
    with cabinet.refused("permission_missing", 403):
        cabinet.put("/a/x", by=MIA)
    cabinet.share("/a", eve=Level.MANAGE)
    with cabinet.refused("folder_not_found", 404):
        cabinet.put("/a/x", by=MIA)
