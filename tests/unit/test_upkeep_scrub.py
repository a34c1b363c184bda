"""All content is read once in so many days; what is damaged is recorded once, and not handed out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.errors import ServerFault
from strongroom.files.model import StoredFile
from strongroom.files.upkeep.scrub import Scrub, read_round
from tests.unit.kept import Kept


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "data")


def scrub(kept: Kept, days: float = 0) -> int:
    """A whole round."""
    return Scrub(kept.store, kept.files, days, lambda _seconds: False).run()


def refusal(kept: Kept, file: StoredFile) -> str | None:
    """Why a file is not handed out."""
    try:
        kept.files.open_content(kept.files.file_by_id(file.file_id)).close()
    except ServerFault as fault:
        return fault.reason
    return None


def damaged_versions(kept: Kept, file: StoredFile) -> list[bool]:
    """Which versions are shown as damaged, newest first."""
    return [version.damaged for version in kept.files.versions(file.file_id).items]


def test_sound_content(kept: Kept) -> None:
    for number in range(3):
        kept.add(f"file {number}", b"content %d" % number)
    kept.add("empty", b"")
    kept.add("again", b"content 0")
    kept.orphan(b"of nobody")
    assert scrub(kept) == 4
    assert kept.recorded("content_damaged") == []
    found = read_round(kept.store)
    assert found is not None
    assert found.ended_at is not None


def test_damage_is_recorded_once_for_each_file_that_shows_it(kept: Kept) -> None:
    first, other = kept.add("first", b"same"), kept.add("other", b"same")
    sound = kept.add("sound", b"sound")
    replaced = kept.add("replaced", b"same")
    kept.add("replaced", b"newer", replaces=replaced.sha256)
    kept.damage(first.sha256)
    assert refusal(kept, first) is None  # nobody has noticed
    scrub(kept)
    scrub(kept)
    records = kept.recorded("content_damaged")
    assert {record["file_id"] for record in records} == {first.file_id, other.file_id}
    assert len(records) == 2
    for record in records:
        assert (record["level"], record["outcome"]) == ("critical", "failed")
        assert (record["reason"], record["sha256"]) == ("content_damaged", first.sha256)
        assert record["file_size_bytes"] == 4
    assert [refusal(kept, one) for one in (first, other)] == ["content_damaged"] * 2
    assert refusal(kept, sound) is refusal(kept, replaced) is None
    assert damaged_versions(kept, first) == [True]
    assert damaged_versions(kept, sound) == [False]
    assert damaged_versions(kept, replaced) == [False, True]


def test_a_file_that_comes_to_show_it_later(kept: Kept) -> None:
    file = kept.add("a", b"old")
    new = kept.add("a", b"new", replaces=file.sha256)
    kept.damage(file.sha256)
    scrub(kept)
    assert kept.recorded("content_damaged") == []
    old = next(one for one in kept.files.versions(new.file_id).items if one.damaged)
    kept.files.restore_version(new.file_id, old.version_id)
    scrub(kept)
    [record] = kept.recorded("content_damaged")
    assert record["file_id"] == file.file_id


def test_content_that_is_gone(kept: Kept) -> None:
    file = kept.add("a", b"content")
    kept.path(file.sha256).unlink()
    scrub(kept)
    assert refusal(kept, file) == "content_missing"
    scrub(kept)
    [record] = kept.recorded("content_damaged")
    assert record["reason"] == "content_missing"
    assert damaged_versions(kept, file) == [True]


def test_content_that_is_cut_or_longer(kept: Kept) -> None:
    cut, longer = kept.add("cut", b"content"), kept.add("longer", b"contents")
    kept.path(cut.sha256).write_bytes(b"con")
    kept.path(longer.sha256).write_bytes(b"contents and more")
    scrub(kept)
    assert len(kept.recorded("content_damaged")) == 2
    assert refusal(kept, cut) == refusal(kept, longer) == "content_damaged"


def test_whoever_asks_first_finds_it(kept: Kept) -> None:
    """A download notices what it can without reading; the scrub does not record it again."""
    file = kept.add("a", b"content")
    kept.path(file.sha256).write_bytes(b"con")
    assert refusal(kept, file) == refusal(kept, file) == "content_damaged"
    scrub(kept)
    assert len(kept.recorded("content_damaged")) == 1


def test_an_upload_of_the_same_content_mends_it(kept: Kept) -> None:
    file = kept.add("a", b"content")
    kept.damage(file.sha256)
    scrub(kept)
    assert refusal(kept, file) == "content_damaged"
    kept.add("b", b"content")
    assert refusal(kept, file) is None
    assert damaged_versions(kept, file) == [False]
    scrub(kept)
    assert kept.files.known_damage() == []
    kept.damage(file.sha256)  # once more: that is news, for both
    scrub(kept)
    assert len(kept.recorded("content_damaged")) == 3


def test_content_that_is_put_back_is_sound_after_the_next_round(kept: Kept) -> None:
    """A copy from a backup has the times of the original, so only reading it tells."""
    file = kept.add("a", b"content")
    kept.damage(file.sha256)
    scrub(kept)
    kept.damage(file.sha256)  # the same bit again
    assert refusal(kept, file) == "content_damaged"
    scrub(kept)
    assert refusal(kept, file) is None
    assert kept.files.known_damage() == []
    kept.path(file.sha256).unlink()
    scrub(kept)
    kept.publish(b"content")
    scrub(kept)
    assert kept.files.known_damage() == []


def test_damage_that_was_mended_before_it_was_noted(kept: Kept) -> None:
    file = kept.add("a", b"content")
    kept.damage(file.sha256)
    stamp = kept.blobs.stamp(file.sha256)
    assert stamp is not None
    kept.publish(b"content")
    assert kept.files.note_damage(file.sha256, "content_damaged", stamp) == 0
    assert kept.files.note_damage(file.sha256, "content_missing", "") == 0
    assert kept.recorded("content_damaged") == []
    assert refusal(kept, file) is None


def test_damage_of_what_was_purged_is_forgotten(kept: Kept) -> None:
    file, other = kept.add("a", b"content"), kept.add("b", b"other")
    kept.damage(file.sha256)
    kept.damage(other.sha256)
    scrub(kept)
    kept.files.trash([file.file_id])
    kept.files.forget_purged_damage()
    assert len(kept.files.known_damage()) == 2
    kept.files.purge([file.file_id])
    assert kept.files.note_damage(file.sha256, "content_damaged", "") == 0
    kept.files.forget_purged_damage()
    assert kept.files.known_damage() == [other.sha256]
    assert kept.rows("SELECT file_id FROM damaged_file") == [(other.file_id,)]


def test_a_restart_goes_on(kept: Kept) -> None:
    """Stopped in the middle of a content, the next process reads that and the rest, nothing twice."""
    for number in range(7):
        kept.add(f"file {number}", b"content %d" % number)
    total = runs = 0
    while (here := read_round(kept.store)) is None or here.ended_at is None:
        total += Scrub(kept.store, kept.files, 30, stopped_after(5)).run()
        runs += 1
    assert total == 7
    assert runs == 4


def test_a_round_begins_when_the_days_are_over(kept: Kept) -> None:
    kept.add("a", b"content")
    assert scrub(kept, days=30) == 1
    assert scrub(kept, days=30) == 0
    kept.alter("UPDATE scrub SET began_at = began_at - 29 * 86400000000")
    assert scrub(kept, days=30) == 0
    kept.alter("UPDATE scrub SET began_at = began_at - 86400000000")
    assert scrub(kept, days=30) == 1
    kept.alter("UPDATE scrub SET began_at = began_at + 100 * 86400000000")  # a clock put right
    assert scrub(kept, days=30) == 1


def test_it_rests_after_every_read(kept: Kept) -> None:
    kept.add("large", b"x" * 3_000_000)
    pauses: list[float] = []

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        return False

    Scrub(kept.store, kept.files, 0, pause).run()
    assert len(pauses) == 4  # three pieces, and the end
    assert all(seconds > 0 for seconds in pauses)


def stopped_after(reads: int) -> Callable[[float], bool]:
    """Says to stop after so many reads: two of each content, one of them finds its end."""
    left = iter([False] * reads)
    return lambda _seconds: next(left, True)
