"""So many zips at a time, and the others told to come again."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.bootstrap import create_app
from strongroom.errors import ServerFault
from strongroom.files.zipping import respond
from strongroom.files.zipping.turns import Turns
from strongroom.settings import load


def test_no_more_than_there_are_turns() -> None:
    turns = Turns(2, 0)
    with turns.one(), turns.one():
        with pytest.raises(ServerFault) as fault, turns.one():
            raise AssertionError("a third")
        assert (fault.value.reason, fault.value.status) == ("too_many_zips", 503)
    with turns.one(), turns.one():
        pass


def test_a_turn_that_ends_badly_is_free_again() -> None:
    turns = Turns(1, 0)
    for _ in range(3):
        with pytest.raises(KeyError), turns.one():
            raise KeyError


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_gets_no_turn_is_told_when_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    turns = Turns(1, 0)
    monkeypatch.setattr(respond, "_TURNS", turns)
    app = create_app(load(data=tmp_path, log_output="none", no_auth=True))
    audit = app.extensions["strongroom.audit"]
    try:
        client, address = app.test_client(), "/zip?folder=/"
        with turns.one():
            busy = client.open(address, method=method)
        assert (busy.status_code, busy.headers["Retry-After"]) == (503, "5")
        [failed] = audit.records("event:download_failed")
        assert (failed["reason"], failed["status"]) == ("too_many_zips", 503)
        assert client.open(address, method=method).status_code == 200
    finally:
        audit.close()
