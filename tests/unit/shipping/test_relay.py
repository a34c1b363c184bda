"""The relay: every record, in order, from wherever it is by now; and what a destination refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from strongroom.audit.events import Stream
from strongroom.audit.journal.people import People
from strongroom.audit.shipping import Destination, reading
from strongroom.audit.shipping.again import retry
from strongroom.audit.shipping.cursors import read_cursors, read_dead_letters
from strongroom.audit.shipping.exporter import Undelivered
from strongroom.audit.shipping.opening import open_exporter
from strongroom.audit.shipping.relay import Relay
from strongroom.audit.shipping.status import keeps_from, status_of
from strongroom.errors import Unavailable
from tests.receiving import Answer, OtlpReceiver, attributes_of
from tests.unit.making import audit_record
from tests.unit.sealing.sealed import Log, audit_of
from tests.unit.shipping.conftest import ship

Make = Callable[..., Relay]


def url(receiver: OtlpReceiver) -> str:
    return f"http://127.0.0.1:{receiver.port}"


def sequences(receiver: OtlpReceiver, stream: str = "audit") -> list[int]:
    found = [attributes_of(record) for record in receiver.records]
    return [each["strongroom.seq"] for each in found if each["strongroom.stream"] == stream]


def shipped(log: Log, name: str = "siem") -> dict[str, int]:
    with log.store.read() as connection:
        return {stream: seq for stream, (seq, _) in read_cursors(connection, name).items()}


def recorded(log: Log, event: str) -> list[dict[str, Any]]:
    return [record for record in log.records(Stream.AUDIT) if record["event"] == event]


def poisoned(records: Sequence[LogRecord]) -> Answer:
    """A collector that wants no record whose count can be divided by 100."""
    bad = any(attributes_of(record).get("strongroom.count", 1) % 100 == 0 for record in records)
    return Answer(400, message="invalid: 日本") if bad else Answer()


def test_from_segments_and_journal(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    log.fill(600, 30)
    log.seal_all()
    log.fill(40, 20)
    ship(relay(url(otlp)))
    ends = {stream: len(log.records(Stream(stream))) for stream in ("audit", "ops")}
    assert {stream: sequences(otlp, stream) for stream in ends} == {
        stream: list(range(end)) for stream, end in ends.items()
    }
    assert shipped(log) == ends


def test_sealed_meanwhile(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    log.fill(300, 0)
    sending = relay(url(otlp), streams=(Stream.AUDIT,))
    otlp.judge = lambda _: Answer(503)
    with pytest.raises(Undelivered):
        sending.step()
    log.seal_all()
    otlp.judge = lambda _: Answer()
    ship(sending)
    assert sequences(otlp) == list(range(len(log.records(Stream.AUDIT))))


def test_another_relay_goes_on(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    log.fill(5, 0)
    ship(relay(url(otlp)))
    log.fill(5, 0)
    ship(relay(url(otlp)))
    assert sequences(otlp) == list(range(10))


def test_from_now_on(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    log.fill(5, 5)
    sending = relay(url(otlp), from_oldest=False)
    log.fill(2, 0)
    ship(sending)
    assert sequences(otlp) == [5, 6]
    assert sequences(otlp, "ops") == []


def test_long_records_go_a_few_at_a_time(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    log.append([audit_record(error_msg="x" * 100_000, count=number) for number in range(30)])
    ship(relay(url(otlp)))
    assert sequences(otlp) == list(range(30))
    assert len(otlp.requests) == 3  # of a MiB each


@pytest.mark.parametrize(
    "answer", [Answer(429), Answer(500), Answer(503), Answer(401), Answer(404), Answer(302)]
)
def test_what_passes_is_waited_for(
    log: Log, relay: Make, otlp: OtlpReceiver, answer: Answer
) -> None:
    log.fill(3, 0)
    otlp.judge = lambda _: answer
    sending = relay(url(otlp))
    with pytest.raises(Undelivered, match=f"answered {answer.status}"):
        sending.step()
    assert shipped(log) == {"audit": 0, "ops": 0}
    assert status_of(log.store, Destination("siem", url(otlp))).state.failing_since is not None
    otlp.judge = lambda _: Answer()
    ship(sending)
    assert sequences(otlp) == [0, 1, 2]
    assert status_of(log.store, Destination("siem", url(otlp))).state.failing_since is None


def test_the_destination_says_when(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    log.fill(1, 0)
    otlp.judge = lambda _: Answer(429, headers={"Retry-After": "17"})
    with pytest.raises(Undelivered) as caught:
        relay(url(otlp)).step()
    assert caught.value.retry_after == 17


def test_what_is_refused_does_not_hold_up_the_rest(
    log: Log, relay: Make, otlp: OtlpReceiver
) -> None:
    log.append([audit_of(number) for number in range(1, 251)])
    otlp.judge = poisoned
    ship(relay(url(otlp), streams=(Stream.AUDIT,)))
    taken = [seq for seq in range(250) if (seq + 1) % 100]
    assert sequences(otlp)[: len(taken)] == taken
    with log.store.read() as connection:
        letters = read_dead_letters(connection, "siem")
    assert [(each.first_seq, each.last_seq, each.refused) for each in letters] == [
        (99, 99, 1),
        (199, 199, 1),
    ]
    assert {each.reason for each in letters} == {"answered 400"}  # not what it said
    [said] = recorded(log, "shipping_refused")
    assert said["count"] == 2
    assert said["extra"]["destination"] == "siem"


def test_a_database_that_fails_in_between_loses_no_dead_letter(
    log: Log, relay: Make, otlp: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append([audit_of(number) for number in (99, 100, 101)])
    otlp.judge = poisoned
    shipping = relay(url(otlp), streams=(Stream.AUDIT,))

    def fail(*_: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(log.store, "write", fail)
        with pytest.raises(Unavailable):
            shipping.step()
    ship(shipping)
    with log.store.read() as connection:
        assert [each.first_seq for each in read_dead_letters(connection, "siem")] == [1]
    assert sequences(otlp)[:4] == [0, 2, 0, 2]


def test_it_is_not_said_each_time(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    otlp.judge = lambda _: Answer(400)
    sending = relay(url(otlp))
    for _ in range(3):  # the record that says so is refused as well
        log.fill(1, 0)
        ship(sending)
    assert len(recorded(log, "shipping_refused")) == 1


def test_dead_letters_are_sent_again(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    log.append([audit_of(number) for number in range(1, 251)])
    destination = Destination("siem", url(otlp), streams=(Stream.AUDIT,))
    otlp.judge = poisoned
    ship(relay(destination.to, streams=destination.streams))
    exporter = open_exporter(destination)
    [first, _] = retry(log.store, destination, exporter)
    assert [(each.reason, each.answer) for each in first.refusals] == [
        ("answered 400", "invalid: 日本")
    ]
    assert status_of(log.store, destination).refused == 2
    otlp.judge = lambda _: Answer()
    assert [each.refusals for each in retry(log.store, destination, exporter)] == [(), ()]
    assert sequences(otlp)[-2:] == [99, 199]
    assert status_of(log.store, destination).refused == 0
    exporter.finish()


def test_a_partial_success_is_not_sent_again(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    log.fill(20, 0)
    otlp.judge = lambda _: Answer(rejected=3, message="too old")
    ship(relay(url(otlp), streams=(Stream.AUDIT,)))
    with log.store.read() as connection:
        [letter, *_] = read_dead_letters(connection, "siem")
    assert (letter.first_seq, letter.last_seq, letter.refused) == (0, 19, 3)
    assert letter.reason == "took all but 3 of 20"


def test_addresses_and_names(log: Log, relay: Make, otlp: OtlpReceiver) -> None:
    people = People(log.store)
    log.store.write(lambda connection: people.put(connection, "user-0", "Ana"))
    log.fill(1, 0)
    ship(relay(url(otlp)))
    log.store.write(lambda c: c.exec_driver_sql("UPDATE shipping_cursor SET next_seq = 0"))
    ship(relay(url(otlp), network=False, people=True))
    first, second = map(attributes_of, otlp.records)
    assert first["client.address"] == "192.0.2.0"
    assert "user.name" not in first
    assert "client.address" not in second
    assert second["user.name"] == "Ana"


def test_a_missing_record_is_not_passed_over(
    log: Log, relay: Make, otlp: OtlpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    log.fill(5, 3)
    log.store.write(
        lambda c: c.exec_driver_sql("DELETE FROM journal WHERE stream = 'audit' AND seq = 2")
    )
    shipping = relay(url(otlp))
    for _ in range(2):
        ship(shipping)
    assert sequences(otlp) == []
    assert sequences(otlp, "ops") == [0, 1, 2]  # which nothing is wrong with
    [said] = [each.getMessage() for each in caplog.records if each.levelname == "CRITICAL"]
    assert "record 2 of audit is missing" in said
    [audit, _] = status_of(log.store, Destination("siem", url(otlp))).lags
    assert audit.records == 5


def test_what_was_pruned_is_said_once(
    log: Log, relay: Make, otlp: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.fill(0, 30)
    sending = relay(url(otlp))
    log.seal_all()
    with log.store.read() as connection:
        kept = [keeps_from(connection, [Destination("siem", url(otlp))], Stream.OPS)]
    assert kept == [0]
    log.fill(0, 5)
    # As retention does it.
    log.store.write(
        lambda c: c.exec_driver_sql(
            "UPDATE archive_head SET pruned_through = 30 WHERE stream = 'ops'"
        )
    )
    otlp.judge = lambda _: Answer(503)
    for _ in range(2):
        with pytest.raises(Undelivered):
            sending.step()
    otlp.judge = lambda _: Answer()
    ship(sending)
    assert sequences(otlp, "ops") == [30, 31, 32, 33, 34]
    [said] = recorded(log, "shipping_missed")
    assert said["count"] == 30
    assert (said["extra"]["first_seq"], said["extra"]["last_seq"]) == (0, 29)


def test_batches_end_where_asked(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.fill(0, 7)
    batch = reading.read_batch(log.store, Stream.OPS, 2, most=3)
    assert ([record["seq"] for record in batch.records], batch.end, batch.more) == (
        [2, 3, 4],
        5,
        True,
    )
    batch = reading.read_batch(log.store, Stream.OPS, 7)
    assert (batch.records, batch.end, batch.more) == ([], 7, False)
