"""What the file server holds about a person beside the records: for ``strongroom privacy report``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from strongroom.accounts.tables import account, account_session, account_token, sign_in_address
from strongroom.audit.journal.stored import timestamp_text
from strongroom.audit.privacy.subject import Address, Subject
from strongroom.files.tables import file_version, folder_permission, node, upload, user_storage

_SECRET = frozenset({"secret_hash", "password_hash"})

Section = tuple[str, Iterator[Mapping[str, Any]]]


def facts(connection: Connection, subject: Subject) -> Iterable[Section]:
    """Their account, sessions, tokens, permissions, and the files that they put there."""
    if isinstance(subject, Address):
        wanted = select(account_session).where(account_session.c.ip_address == subject.text)
        return [("sessions", _rows(connection, wanted))]
    ids = sorted(subject.user_ids)
    files = (
        select(
            node.c.node_id.label("file_id"),
            node.c.name.label("filename"),
            node.c.state,
            file_version.c.version_id,
            file_version.c.sha256,
            file_version.c.file_size_bytes,
            file_version.c.content_type,
            file_version.c.created_at,
            file_version.c.replaced_at,
        )
        .join(file_version, file_version.c.file_id == node.c.node_id)
        .where(or_(node.c.created_by.in_(ids), file_version.c.created_by.in_(ids)))
    )
    folders = select(
        node.c.node_id.label("folder_id"), node.c.name, node.c.state, node.c.created_at
    ).where(node.c.kind == "folder", node.c.created_by.in_(ids))
    tables = {
        "account": account,
        "sessions": account_session,
        "tokens": account_token,
        "sign_in_addresses": sign_in_address,
        "permissions": folder_permission,
        "storage": user_storage,
    }
    theirs = {name: select(table).where(table.c.user_id.in_(ids)) for name, table in tables.items()}
    theirs |= {
        "uploads": select(upload).where(upload.c.created_by.in_(ids)),
        "folders": folders,
        "files": files,
    }
    return [(name, _rows(connection, wanted)) for name, wanted in theirs.items()]


def _rows(connection: Connection, wanted: Select[Any]) -> Iterator[Mapping[str, Any]]:
    for row in connection.execute(wanted).mappings():
        yield {name: _readable(name, value) for name, value in row.items() if name not in _SECRET}


def _readable(name: str, value: Any) -> Any:
    return timestamp_text(value) if name.endswith("_at") and isinstance(value, int) else value
