"""The verdict: one for each who looks, and red while any of them has bad news."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from strongroom.audit.events.ledger import Heartbeat, VerificationFailed
from strongroom.audit.extension import AuditLog
from strongroom.audit.ledger.alarm import Alarm
from strongroom.audit.ledger.keyfile import create_key
from strongroom.audit.ledger.verdict import Looked, read_verdict, write_verdict
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.bootstrap import Installation
from strongroom.cli import main
from strongroom.settings import load
from strongroom.store import Store
from strongroom.store.migrate import migrate


def failure(store: Store, looked: Looked | None = None) -> str | None:
    """Why it does not hold; None as well when nobody has looked."""
    found = read_verdict(store, looked)
    return None if found is None else found.failure


@pytest.mark.parametrize("bad", Looked)
def test_no_good_news_covers_the_bad_news_of_another(store: Store, bad: Looked) -> None:
    migrate(store, AUDIT_SCHEMA)
    assert read_verdict(store) is None
    write_verdict(store, "it is gone", bad)
    for other in set(Looked) - {bad}:
        write_verdict(store, None, other)
        assert read_verdict(store, other) is not None
        assert failure(store, other) is None
    assert failure(store) == failure(store, bad) == "it is gone"
    write_verdict(store, None, bad)
    assert read_verdict(store) is not None
    assert failure(store) is None


def test_the_command_notes_what_it_found(tmp_path: Path) -> None:
    data = tmp_path / "data"
    store = Installation.open(load(data=data)).store
    audit = AuditLog(store=store, name="strongroom")
    audit.log(Heartbeat())
    audit.ledger.advance(create_key(data / "ledger.key", "example.org/log"))
    write_verdict(store, "the parts do not fit")
    write_verdict(store, "there is no key", Looked.SIGNING)

    def verify(*options: str) -> int:
        return CliRunner().invoke(main, ["verify", "--data", str(data), *options]).exit_code

    assert verify("--no-record") == 0
    assert failure(store, Looked.VERIFICATION) == "the parts do not fit"
    assert verify() == 0
    assert failure(store, Looked.VERIFICATION) is None
    assert failure(store) == "there is no key"
    with closing(sqlite3.connect(store.path, isolation_level=None)) as admin:
        admin.execute("UPDATE journal SET level = 'debug' WHERE stream = 'audit' AND seq = 0")
    assert verify() == 1
    assert "columns" in str(failure(store, Looked.VERIFICATION))


def test_an_alarm_is_recorded_once_and_noted_until_it_ends(store: Store) -> None:
    migrate(store, AUDIT_SCHEMA)
    recorded: list[object] = []
    alarm = Alarm(store, Looked.SIGNING, "ledger_not_signed", recorded.append)
    alarm.ring("a")
    alarm.ring("a")
    assert failure(store) == "a"
    alarm.ring("b")
    assert failure(store) == "b"
    alarm.quiet()
    assert failure(store) is None
    alarm.ring("b")
    told = [event.extra for event in recorded if isinstance(event, VerificationFailed)]
    assert told == [{"failure": failure} for failure in ("a", "b", "b")]
