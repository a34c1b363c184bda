"""A history's words, and the check of stored bytes when others check too or the disk fails."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from strongroom.errors import ServerFault
from strongroom.files.history.checking import AT_A_TIME, UNREADABLE, Check
from strongroom.files.history.contents import Present, read_present
from strongroom.files.history.telling import Mark, agent_name, told
from tests.unit.kept import Kept


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox 145"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0", "Edge 142"),
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", "Chrome 142"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1", "Safari 18"),
        ("curl/8.14.1", "curl 8.14.1"),
        ("something of its own", "something of its own"),
        ("x" * 500, "x" * 59 + "…"),
    ],
)  # fmt: skip
def test_programs_by_their_names(agent: str, name: str) -> None:
    assert agent_name(agent) == name


def test_who_and_from_where() -> None:
    record: dict[str, Any] = {"event": "file_downloaded", "outcome": "success", "request_id": "r"}
    record |= {"user_id": "u-1", "ip_address": "192.0.2.7", "token_id": "t"}
    said = told(record)
    assert (said.mark, said.act, said.joint, said.who) == (Mark.ACT, "Downloaded", "by", "u-1")
    assert said.place == ("192.0.2.7", "with an API token")
    assert told({**record, "user": "a\u202eb"}).who == r"a\u202eb"
    del record["ip_address"]
    assert told(record, network_forgotten=True).place == ("address and program not kept any more",)
    by_itself = told({"event": "file_purged", "outcome": "success", "sha256": "0" * 64})
    assert (by_itself.act, by_itself.who) == ("Content deleted for good by the server itself", "")


def test_events_of_tomorrow_are_told_too() -> None:
    """One that this version has no words for is shown under its own name."""
    said = told(
        {"event": "file_stamped", "outcome": "failed", "reason": "no_ink", "request_id": "r"}
    )
    assert (said.mark, said.act, said.details) == (Mark.WRONG, "File stamped", ("no ink",))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "data")


def present_of(kept: Kept, content: bytes) -> Present:
    file = kept.add("a.txt", content)
    found = read_present(kept.store, kept.blobs, file.file_id)
    assert found is not None
    return found


def test_so_many_checks_at_a_time(kept: Kept) -> None:
    """A turn is given back when a check ends, and when it is broken off or never began."""
    file = present_of(kept, b"content")

    def begin() -> Check:
        return Check(kept.files, kept.audit, file, file.shown)

    for _ in range(2):
        checks = [begin() for _ in range(AT_A_TIME)]
        with pytest.raises(ServerFault) as fault:
            begin()
        assert (fault.value.reason, fault.value.status) == ("too_many_checks", 503)
        assert list(checks[0].run()) == [7]
        under_way = checks[1].run()
        next(under_way)
        under_way.close()
        for check in checks:
            check.close()
    recorded = kept.audit.records("event:content_checked")
    assert [record["outcome"] for record in recorded] == ["success"] * 2


def test_a_disk_that_fails_for_a_moment(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read now is not damaged for that."""
    file = present_of(kept, b"content")

    def fails(_sha256: str) -> BinaryIO:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(kept.files.blobs, "open", fails)
    assert list(Check(kept.files, kept.audit, file, file.shown).run()) == []
    [record] = kept.audit.records("event:content_checked")
    assert (record["outcome"], record["reason"]) == ("failed", UNREADABLE)
    assert kept.files.known_damage() == []
