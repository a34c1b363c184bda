"""Alerts: every critical record is told, once where all goes well, and nothing that names anybody."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from sqlalchemy import update

from strongroom import AuditLog
from strongroom.audit.alerting import Alerts, Mail, Webhook, thread, trial
from strongroom.audit.alerting.outbox import MOST_WAITING, SPELT_OUT, Outbox
from strongroom.audit.alerting.tables import alert_waiting
from strongroom.audit.events import Event, Stream
from strongroom.audit.events.ledger import VerificationFailed
from strongroom.audit.events.system import ApplicationStarted
from strongroom.audit.journal import Journal
from strongroom.audit.journal.tables import journal as journal_table
from strongroom.errors import NotDelivered, SettingsError
from strongroom.store import Store
from tests.serving import free_port
from tests.unit.making import audit_record, ops_record
from tests.web.secured import certify

PATIENCE = 20.0


def eventually(wanted: Callable[[], object]) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + PATIENCE
    while not wanted():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class Receiver:
    """A webhook's other end; answers with a status that can be changed."""

    def __init__(self) -> None:
        self.status = 204
        self.got: list[dict[str, Any]] = []
        self.heads: list[dict[str, str]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.heads.append({"path": self.path, **dict(self.headers)})
                receiver.got.append(json.loads(body))
                self.send_response(receiver.status)
                if receiver.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/hook?key=secret"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def told(self) -> list[int]:
        """The numbers of the records that were spelt out in messages that were taken."""
        return [alert["seq"] for message in self.got for alert in message["alerts"]]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with closing(Receiver()) as opened:
        yield opened


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What the thread logs; it is in a hurry."""
    monkeypatch.setattr(thread, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(thread, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(thread, "FIRST_RETRY_SECONDS", 0.02)
    return []


def alerting(store: Store, receiver: Receiver, recorded: list[Event]) -> thread.Alerting:
    alerts = Alerts([Webhook(receiver.address)], "https://files.example.org/logs/")
    return thread.Alerting(store, alerts, recorded.append)


def critical(**fields: Any) -> Any:
    return audit_record(level="critical", event="verification_failed", **fields)


def outbox(store: Store, *names: str) -> Outbox:
    made = Outbox(store, names or ("webhook",), "")
    made.begin()
    return made


# --- What is told ----------------------------------------------------------------------------------


def test_a_critical_record_of_any_stream_is_told_and_no_other(
    store: Store, journal: Journal, receiver: Receiver, recorded: list[Event]
) -> None:
    journal.append([critical()])  # before anybody was to be told
    teller = alerting(store, receiver, recorded)
    outbox(store)
    journal.append([audit_record(), critical(reason="tampered", user_id="u-1"), audit_record()])
    journal.enqueue(ops_record(level="critical", event="message_logged", extra={"message": "x"}))
    journal.enqueue(ops_record(level="error", event="message_logged"))
    store.write(lambda _: None)
    teller.start()
    eventually(lambda: len(receiver.told()) == 2)
    journal.append([critical()])
    eventually(lambda: len(receiver.told()) == 3)
    teller.close()

    alerts = [alert for message in receiver.got for alert in message["alerts"]]
    assert {(alert["stream"], alert["seq"]) for alert in alerts} == {
        ("audit", 2), ("ops", 0), ("audit", 4),
    }  # fmt: skip
    [first] = [alert for alert in alerts if alert["seq"] == 2]
    assert (first["reason"], first["user_id"], first["level"]) == ("tampered", "u-1", "critical")
    assert first["link"] == f"https://files.example.org/logs/{first['id']}"
    assert first["link"] in receiver.got[0]["text"]
    assert [event.event_name for event in recorded] == ["alert_sent"] * len(receiver.got)
    assert all(head["Content-Type"] == "application/json" for head in receiver.heads)


def test_names_texts_and_addresses_stay_here(
    store: Store, journal: Journal, receiver: Receiver, recorded: list[Event]
) -> None:
    outbox(store)
    personal = {
        "filename": "Zeugnis Mia.pdf", "folder": "/Privat", "ip_address": "192.0.2.7",
        "user_agent": "Geheim/1", "extra": {"note": "Kuendigung"},
    }  # fmt: skip
    journal.append([critical(**personal)])
    journal.enqueue(ops_record(level="critical", event="message_logged", **personal))
    store.write(lambda _: None)
    teller = alerting(store, receiver, recorded)
    teller.start()
    eventually(lambda: len(receiver.told()) == 2)
    teller.close()
    said = (
        json.dumps(receiver.got)
        + Mail("smtp://localhost", ["a@b"], "a@b")._letter(trial()).as_string()
    )
    for word in ("Mia", "Privat", "192.0.2.7", "Geheim", "Kuendigung"):
        assert word not in said


def test_an_altered_record_is_told_all_the_same(store: Store, journal: Journal) -> None:
    box = outbox(store)
    journal.append([critical()])
    store.write(lambda c: c.execute(update(journal_table).values(entry=b"\xff not json")))
    assert box.find() == 0
    found = box.waiting("webhook")
    assert found is not None
    assert found[0].alerts[0].told == {
        "event": "record_not_readable", "stream": "audit", "seq": 0,
    }  # fmt: skip


# --- When nobody answers ---------------------------------------------------------------------------


def test_it_is_tried_again_and_survives_a_restart(
    store: Store, journal: Journal, receiver: Receiver, recorded: list[Event]
) -> None:
    receiver.status = 503
    outbox(store)
    journal.append([critical()])
    teller = alerting(store, receiver, recorded)
    teller.start()
    eventually(lambda: len(receiver.got) >= 3)
    teller.close()
    assert [event.event_name for event in recorded] == ["alert_failed"]  # not at each attempt
    assert "503" in str(recorded[0].values())
    assert "secret" not in str(recorded[0].values())

    # Meanwhile the record moves on into the archive.
    store.write(lambda c: c.execute(journal_table.delete()))
    receiver.got.clear()
    receiver.status = 200
    teller = alerting(store, receiver, recorded)
    teller.start()
    eventually(lambda: recorded[-1].event_name == "alert_sent")
    teller.close()
    assert receiver.told() == [0]
    assert outbox(store).waiting("webhook") is None


def test_a_storm_is_one_message_and_has_an_end(store: Store, journal: Journal) -> None:
    box = outbox(store, "webhook", "mail")
    journal.append([critical() for _ in range(MOST_WAITING + 30)])
    assert box.find() == 2 * 30
    found = box.waiting("webhook")
    assert found is not None
    message, records = found
    assert len(message.alerts) == SPELT_OUT
    assert message.more == MOST_WAITING - SPELT_OUT
    assert f"{message.more:,} further" in message.text
    box.taken("webhook", records)
    assert box.waiting("webhook") is None
    assert box.waiting("mail") is not None
    assert box.find() == 0  # each is found once


def test_what_waits_too_long_is_given_up(store: Store, journal: Journal) -> None:
    box = outbox(store)
    journal.append([critical(), critical()])
    box.find()
    assert box.give_up("webhook") == 0
    old = update(alert_waiting).where(alert_waiting.c.seq == 0).values(found_at=1)
    store.write(lambda c: c.execute(old))
    assert box.give_up("webhook") == 1
    found = box.waiting("webhook")
    assert found is not None
    assert found[1] == [("audit", 1)]


def test_what_a_destination_left_behind_goes_with_it(store: Store, journal: Journal) -> None:
    box = outbox(store, "mail")
    journal.append([critical()])
    box.find()
    assert outbox(store, "webhook").waiting("mail") is None


def test_a_destination_that_is_silent_holds_up_no_request_and_no_end(
    tmp_path: Path, recorded: list[Event]
) -> None:
    """It takes the connection and says nothing; meanwhile records go on, and closing too."""
    import socket  # noqa: PLC0415

    from flask import Flask  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        app = Flask("shop", instance_path=str(tmp_path))
        audit = AuditLog(app, viewer=None, alerts=Alerts([Webhook(address)]), signing=None)
        audit.log(ApplicationStarted())
        eventually((tmp_path / "audit.db.alerts").exists)
        audit.log(VerificationFailed(reason="test"))
        connection, _ = silent.accept()
        with connection:
            audit.log(VerificationFailed(reason="test"))  # with the alert under way
            audit.close()
    assert len(audit.records("event:verification_failed")) == 2
    audit.close()


# --- Destinations ----------------------------------------------------------------------------------


def test_a_webhook_says_what_came_back(receiver: Receiver) -> None:
    hook = Webhook(receiver.address)
    assert hook.send(trial()) == "HTTP 204 No Content"
    assert receiver.got[0]["test"] is True
    assert receiver.heads[0]["path"] == "/hook?key=secret"
    for status in (302, 404, 500):
        receiver.status = status
        with pytest.raises(NotDelivered, match=str(status)):
            hook.send(trial())
    assert all(head["path"].startswith("/hook") for head in receiver.heads)  # no redirects
    receiver.close()
    with pytest.raises(NotDelivered, match="refused"):
        hook.send(trial())
    assert "secret" not in hook.shown


@pytest.mark.parametrize(
    "address",
    ["", "ftp://a/", "https://", "http://a b/", "http://u:p@h/", "http://h:0/", "http://ü/"],
)
def test_what_is_no_webhook(address: str) -> None:
    with pytest.raises(SettingsError, match="alert_webhook"):
        Webhook(address)


class Postbox:
    """What a mail server takes."""

    def __init__(self) -> None:
        self.letters: list[Envelope] = []
        self.answer = "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # theirs
        self.letters.append(envelope)
        return self.answer


@pytest.fixture
def postbox() -> Iterator[tuple[Postbox, str]]:
    box = Postbox()
    port = free_port()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    yield box, f"smtp://127.0.0.1:{port}"
    server.stop()


def test_mail_is_taken_and_can_be_read(postbox: tuple[Postbox, str]) -> None:
    box, server = postbox
    mail = Mail(server, ["ops@example.org", "ada@example.org"], "strongroom@example.org")
    assert "2 mailboxes" in mail.send(trial())
    [envelope] = box.letters
    assert envelope.mail_from == "strongroom@example.org"
    assert envelope.rcpt_tos == ["ops@example.org", "ada@example.org"]
    assert isinstance(envelope.content, bytes)
    letter = message_from_bytes(envelope.content, policy=policy.default)
    assert letter["Subject"].startswith("[Strongroom] Test of alerts")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert "alert_test" in letter.get_content()
    box.answer = "550 full"
    with pytest.raises(NotDelivered, match="full"):
        mail.send(trial())


def test_mail_that_would_go_in_the_clear_to_another_machine_does_not_go(
    postbox: tuple[Postbox, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server offers no STARTTLS, and passes for one that is not this machine."""
    box, server = postbox
    monkeypatch.setattr("strongroom.audit.alerting.mail._is_this_machine", lambda _: False)
    with pytest.raises(NotDelivered, match="STARTTLS"):
        Mail(server, ["ops@example.org"], "a@example.org").send(trial())
    assert box.letters == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mail_goes_over_tls_to_a_server_that_shows_a_good_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    box, port = Postbox(), free_port()
    cert, key = certify(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    how: dict[str, Any] = {"ssl_context": context}
    who = ""
    if scheme == "smtp":  # the other cannot ask for passwords, since it does not know of its TLS
        how = {"tls_context": context, "require_starttls": True, "auth_required": True}
        how["authenticator"] = lambda *given: AuthResult(success=given[-1].password == b"s/secret")
        who = "ada:s%2Fsecret@"
    server = Controller(box, hostname="127.0.0.1", port=port, **how)
    mail = Mail(f"{scheme}://{who}localhost:{port}", ["a@example.org"], "b@example.org")
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    server.start()
    try:
        assert "1 mailbox" in mail.send(trial())
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
        with pytest.raises(NotDelivered, match="certificate"):
            mail.send(trial())
    finally:
        server.stop()
    assert len(box.letters) == 1


@pytest.mark.parametrize(
    ("server", "mailbox", "named"),
    [
        ("http://h", "a@b", "smtp_server"),
        ("smtp://", "a@b", "smtp_server"),
        ("smtp://h:x", "a@b", "smtp_server"),
        ("smtp://h", "nobody", "alert_mail"),
        ("smtp://h", "a@b\nBcc: c@d", "alert_mail"),
    ],
)
def test_what_is_no_mail(server: str, mailbox: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Mail(server, [mailbox], "a@b")


def test_streams_of_others_are_not_told(store: Store, journal: Journal) -> None:
    box = outbox(store)
    record = critical()
    store.write(lambda c: journal.append_within(c, Stream.IMPORTED, [record]))
    box.find()
    assert box.waiting("webhook") is None
