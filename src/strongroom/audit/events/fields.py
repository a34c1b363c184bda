"""The vocabulary: every field a record can have, its one name, and the part that holds it.

Field names are the same in code, in the database, in the query language, in the viewer and in
exports. OpenTelemetry names follow the semantic conventions (attributes ``file.*``,
``client.*``, ``http.*``, ``url.*``, ``user.*``, ``exception.*``, ``process.*``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Part(StrEnum):
    """Which part of a stored record holds a field, and so whether it can be forgotten."""

    ENTRY = "entry"
    """Enumerations, numbers and opaque ids; hashed into the ledger, kept until pruned."""
    CONTENT = "content"
    """What people wrote or would read; can be forgotten without touching the evidence."""
    NETWORK = "network"
    """Addresses and agents; can be dropped earlier than the rest."""
    IMPLIED = "implied"
    """Not stored with the record: follows from where the record stands."""


@dataclass(frozen=True, slots=True)
class Field:
    """One name of the vocabulary.

    :param type: how the value is written in JSON
    :param otel: the OpenTelemetry attribute it becomes, if there is one
    """

    name: str
    type: str
    part: Part
    meaning: str
    otel: str | None = None


_E, _C, _N, _I = Part.ENTRY, Part.CONTENT, Part.NETWORK, Part.IMPLIED

_ALL: Final = (
    Field("timestamp", "RFC 3339 UTC, microseconds", _E, "when it happened"),
    Field("level", "debug, info, warning, error, critical", _E, "significance", "severity_text"),
    Field("event", "snake_case", _E, "what happened", "event.name"),
    Field("id", "UUIDv7", _E, "names the record for ever", "log.record.uid"),
    Field("stream", "audit, ops, imported", _I, "evidence, operation, or other programs' logs"),
    Field("seq", "integer", _I, "place in the stream; in audit the leaf index"),
    Field("outcome", "success, denied, failed", _E, "how it ended"),
    Field("reason", "snake_case", _E, "why it was denied or failed"),
    Field("request_id", "UUIDv7", _E, "ties together the records of one request"),
    Field("method", "text", _E, "HTTP method", "http.request.method"),
    Field("status", "integer", _E, "HTTP status", "http.response.status_code"),
    Field("duration_ms", "number", _E, "from first byte in to last byte out, milliseconds"),
    Field("bytes_in", "integer", _E, "body bytes received", "http.request.body.size"),
    Field("bytes_out", "integer", _E, "body bytes sent", "http.response.body.size"),
    Field("aborted", "boolean", _E, "the client went away before the end"),
    Field("user_id", "opaque id", _E, "who", "user.id"),
    Field("session_id", "UUIDv7", _E, "in which session of a browser", "session.id"),
    Field("token_id", "UUIDv7", _E, "with which API token"),
    Field("missing", "permission or session", _E, "what would have been needed"),
    Field("target_user_id", "opaque id", _E, "whose account it is that was acted upon"),
    Field("target_session_id", "opaque id", _E, "the session that was acted upon"),
    Field("target_token_id", "opaque id", _E, "the API token that was acted upon"),
    Field("role", "member, auditor, admin", _E, "what an account is for, from now on"),
    Field("previous_role", "member, auditor, admin", _E, "what it was for before"),
    Field("scopes", "permissions, separated by spaces", _E, "what an API token may"),
    Field("ip_address", "IP address", _N, "the client's address", "client.address"),
    Field("peer_address", "IP address", _N, "who held the connection", "network.peer.address"),
    Field("user_agent", "text", _N, "the client's program", "user_agent.original"),
    Field("file_id", "UUIDv7", _E, "names the file through rename, replace, trash and restore"),
    Field("file_size_bytes", "integer", _E, "size in bytes", "file.size"),
    Field("content_type", "media type", _E, "as the client declared it"),
    Field("detected_type", "media type", _E, "as the content shows it"),
    Field("sha256", "64 hex digits", _E, "SHA-256 of the content", "file.hash.sha256"),
    Field("previous_sha256", "64 hex digits", _E, "SHA-256 of the content before"),
    Field("folder_id", "UUIDv7", _E, "names the folder"),
    Field("range", "first-last", _E, "the bytes released, counted from 0"),
    Field(
        "permission", "none, read, write, manage", _E, "what may be done in a folder from now on"
    ),
    Field("previous_permission", "none, read, write, manage", _E, "what could be done before"),
    Field("quota_bytes", "integer", _E, "how much somebody may store from now on"),
    Field("previous_quota_bytes", "integer", _E, "how much they could store before"),
    Field("count", "integer", _E, "how many"),
    Field("verifier_key", "C2SP verifier key", _E, "public key that signs the ledger from here on"),
    Field("filename", "text", _C, "the file's name", "file.name"),
    Field("folder", "text", _C, "the folder's path as people see it", "file.directory"),
    Field("previous_filename", "text", _C, "the name before"),
    Field("previous_folder", "text", _C, "the folder before"),
    Field("path", "text", _C, "URL path without query string", "url.path"),
    Field("error_type", "text", _E, "class of the exception", "exception.type"),
    Field("error_msg", "text", _C, "what the exception says", "exception.message"),
    Field("exception", "list of exceptions with frames", _C, "traceback", "exception.stacktrace"),
    Field("client_request_id", "text", _C, "X-Request-ID as the client sent it"),
    Field("app", "text", _E, "application that logged", "service.name"),
    Field("version", "text", _E, "its version", "service.version"),
    Field("host", "text", _E, "machine it ran on", "host.name"),
    Field("pid", "integer", _E, "process it ran in", "process.pid"),
    Field("extra", "object", _C, "anything else, at most 3 deep and 16 KiB"),
)

FIELDS: Final[Mapping[str, Field]] = MappingProxyType({field.name: field for field in _ALL})

ENTRY_FIELDS: Final = frozenset(f.name for f in _ALL if f.part is Part.ENTRY)
CONTENT_FIELDS: Final = frozenset(f.name for f in _ALL if f.part is Part.CONTENT)
NETWORK_FIELDS: Final = frozenset(f.name for f in _ALL if f.part is Part.NETWORK)

CONTEXT_FIELDS: Final = frozenset(
    {"request_id", "method", "path", "user_id", "session_id", "token_id"}
    | {
        "ip_address",
        "peer_address",
        "user_agent",
        "client_request_id",
        "app",
        "version",
        "host",
        "pid",
    }
)
"""What the pipeline binds to every record by itself; events need not declare these."""
