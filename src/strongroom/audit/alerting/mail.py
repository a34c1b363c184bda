"""Alerts by mail, over SMTP (RFC 5321), encrypted except on this machine."""

from __future__ import annotations

import ipaddress
import smtplib
import socket
import ssl
from collections.abc import Sequence
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final
from urllib.parse import unquote, urlsplit

from strongroom.audit.alerting.message import Message
from strongroom.errors import NotDelivered, SettingsError

TIMEOUT_SECONDS: Final = 10.0
"""Of connecting, and of each answer of the socket."""

REASON_CHARS: Final = 200

_PORTS: Final = {"smtp": 587, "smtps": 465}


class Mail:
    """Sends each message to some mailboxes. Thread-safe.

    :param server: ``smtp://[user:password@]host[:port]``, where TLS begins with STARTTLS (port 587
        without another), or ``smtps://…``, where the connection begins with it (465). Without TLS
        mail goes to a server on this machine alone
    :param to: mailboxes, one at least
    :param sender: the mailbox that it comes from
    :raises SettingsError: when one of these cannot be used
    """

    name: Final = "mail"

    def __init__(self, server: str, to: Sequence[str], sender: str) -> None:
        try:
            parts = urlsplit(server)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in _PORTS or not parts.hostname or port == 0:
            raise SettingsError(
                "smtp_server: write smtp://host:port or smtps://host:port, with user:password@ "
                "before the host where it asks for them"
            )
        self._host = parts.hostname
        self._port = port or _PORTS[parts.scheme]
        self._tls_first = parts.scheme == "smtps"
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._to = [_mailbox("alert_mail", mailbox) for mailbox in to]
        self._sender = _mailbox("alert_mail_from", sender)
        self.shown = f"{', '.join(self._to)} by {self._host}:{self._port}"
        """Where it goes, without secrets."""

    def send(self, message: Message) -> str:
        """Hand it to the server; what came back.

        :raises NotDelivered: when it was not taken for every mailbox, and why
        """
        try:
            with self._connected() as server:
                refused = server.send_message(self._letter(message), self._sender, self._to)
        except (OSError, smtplib.SMTPException, MessageError, ValueError) as error:
            said = f"{type(error).__name__}: {error}"
            raise NotDelivered(said[:REASON_CHARS]) from None
        if refused:
            raise NotDelivered(f"refused for {', '.join(refused)}"[:REASON_CHARS])
        return f"{self._host} took it for {len(self._to)} mailbox{'es' * (len(self._to) > 1)}"

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._tls_first:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=TIMEOUT_SECONDS, context=context
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            server.ehlo_or_helo_if_needed()
            if not self._tls_first and (
                server.has_extn("starttls") or not _is_this_machine(self._host)
            ):
                server.starttls(context=context)  # refused where the server has none
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _letter(self, message: Message) -> EmailMessage:
        letter = EmailMessage()
        letter["From"] = self._sender
        letter["To"] = ", ".join(self._to)
        letter["Subject"] = f"[Strongroom] {message.subject}"
        letter["Date"] = formatdate()
        letter["Message-ID"] = make_msgid(domain=socket.gethostname() or "localhost")
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        letter.set_content(f"{message.letter}\n")
        return letter


def _mailbox(setting: str, given: str) -> str:
    name, at, host = given.rpartition("@")
    usable = at and name and host and given.isprintable() and not set(given) & set(" ,;<>()\"'")
    if not usable or not given.isascii():
        raise SettingsError(f"{setting}: {given!r} is no mailbox; write name@host")
    return given


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
