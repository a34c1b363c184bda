"""No folder is deeper, and no path longer, than others can have: however it would come to be."""

from __future__ import annotations

import pytest

from strongroom.errors import Refused
from strongroom.files.names import MAX_BYTES, MAX_PATH_BYTES, split_path
from tests.unit.files.cabinet import MIA, Cabinet

SEGMENT = "/" + "n" * MAX_BYTES
LONGEST = SEGMENT * (MAX_PATH_BYTES // len(SEGMENT))
"""The path of a folder: exactly as long as it may be."""


def test_the_longest_path_and_one_byte_more(cabinet: Cabinet) -> None:
    assert len(LONGEST) == MAX_PATH_BYTES
    assert cabinet.folder(LONGEST).path == LONGEST
    stored = cabinet.put(f"{LONGEST}/{'f' * MAX_BYTES}", "there")
    assert cabinet.files.find(stored.path).file_id == stored.file_id
    with cabinet.refused("path_too_long", 400):
        cabinet.files.place(f"{LONGEST}/x", make=True)
    with cabinet.refused("path_too_long", 400):
        cabinet.files.make_folder(f"{LONGEST}/x")


def test_bytes_are_counted_and_not_letters() -> None:
    split_path("/é" * 60)
    with pytest.raises(Refused) as refusal:
        split_path(("/" + "é" * 127) * 17)
    assert refusal.value.reason == "path_too_long"


def test_no_move_makes_a_longer_one(cabinet: Cabinet) -> None:
    half = SEGMENT * 8
    cabinet.folder(f"/a{half}")
    cabinet.folder(f"/b{half}")
    inner = cabinet.id(f"/a{SEGMENT}")
    target = cabinet.files.folder(f"/b{half}")
    with cabinet.refused("path_too_long", 400):
        cabinet.files.move(inner, MIA, folder_id=target.folder_id)
    with cabinet.refused("path_too_long", 400):
        cabinet.files.move_all([inner], target.folder_id, MIA)
    # With a shorter name for its top it fits to the byte.
    path = cabinet.files.move(inner, MIA, name="n" * (MAX_BYTES - 2), folder_id=target.folder_id)
    assert len(path) + len(SEGMENT) * 7 == MAX_PATH_BYTES


def test_no_other_name_makes_a_longer_one(cabinet: Cabinet) -> None:
    short = cabinet.folder("/s").folder_id
    cabinet.folder("/s" + SEGMENT * 15)
    assert cabinet.files.move(short, MIA, name="s" * MAX_BYTES) == "/" + "s" * MAX_BYTES
    cabinet.files.move(short, MIA, name="s")
    cabinet.folder("/above")
    cabinet.files.move(short, MIA, folder_id=cabinet.id("/above"))
    with cabinet.refused("path_too_long", 400):
        cabinet.files.move(short, MIA, name="s" * MAX_BYTES)


def test_what_is_in_the_trash_counts_as_well(cabinet: Cabinet) -> None:
    top = cabinet.folder("/s").folder_id
    deep = cabinet.folder("/s" + SEGMENT * 15)
    cabinet.folder("/above")
    cabinet.files.move(top, MIA, folder_id=cabinet.id("/above"))
    cabinet.files.trash([deep.chain[-1]], MIA)
    with cabinet.refused("path_too_long", 400):
        cabinet.files.move(top, MIA, name="s" * MAX_BYTES)
    cabinet.files.trash([top], MIA)
    with cabinet.refused("path_too_long", 400):
        cabinet.files.restore([top], MIA, name="s" * MAX_BYTES)
    (back,) = cabinet.files.restore([top], MIA, name="t")
    assert back.filename == "t"
