"""``/ledger``: checkpoint, tiles, entries and keys, for the tools of auditors.

Source: C2SP tlog-tiles. What stands at the address of a tile or an entry bundle never changes, so it
may be kept; the checkpoint is asked for anew each time. Entries hold no names, paths or addresses:
those are in the parts, of which the ledger has the digests alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Final, NoReturn, Protocol

import orjson
from flask import Blueprint, Response, request
from sqlalchemy import Connection

from strongroom.audit.archive.pruned import pruning_of
from strongroom.audit.events import Event, Outcome, Stream
from strongroom.audit.events.ledger import LedgerRead
from strongroom.audit.events.web import AccessDenied
from strongroom.audit.journal.stored import timestamp_text
from strongroom.audit.ledger.held import entries_between
from strongroom.audit.ledger.ledger import Ledger, Signed
from strongroom.audit.ledger.tiles import fetch_tile
from strongroom.audit.merkle import (
    TILE_HEIGHT,
    TILE_WIDTH,
    Bundle,
    Malformed,
    Tile,
    encode_bundle,
    leaf_hashes,
)
from strongroom.audit.pipeline.context import current_context
from strongroom.errors import Corrupt, Refused
from strongroom.store import Store

KEPT_SECONDS: Final = 365 * 24 * 3600
"""How long a cache may keep what never changes."""

TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"


class LedgerSource(Protocol):
    """Something that has a ledger to serve, and that logs who read it."""

    @property
    def store(self) -> Store:
        """Where it is kept."""

    @property
    def ledger(self) -> Ledger:
        """Its checkpoints and keys."""

    def log(self, event: Event) -> None:
        """Log a declared event."""


def ledger_blueprint(
    source: LedgerSource, allow: Callable[[], bool], *, public: bool = False
) -> Blueprint:
    """The ledger, to be registered under its path.

    :param allow: called in each request; False answers 403 and is recorded
    :param public: let everybody read it, without asking ``allow``, and shared caches keep it
    """
    ledger = Blueprint("ledger", __name__)
    kept = f"{'public' if public else 'private'}, max-age={KEPT_SECONDS}, immutable"

    # An application that has never heard of our errors must be able to serve this.
    ledger.register_error_handler(Refused, _problem)

    @ledger.before_request
    def check_access() -> None:
        if not public and not allow():
            source.log(AccessDenied(reason="ledger_not_allowed", status=403))
            raise Refused("ledger_not_allowed", "Reading the ledger needs permission.", status=403)

    @ledger.get("/checkpoint")
    def checkpoint() -> Response:
        return _answer(source, _newest(source).note.to_bytes(), TEXT, "no-cache")

    @ledger.get("/vkey")
    def verifier_keys() -> Response:
        try:
            keys = source.ledger.keys.verifiers()
        except Corrupt:
            _refuse(source, _damaged())
        if not keys:
            _refuse(source, _not_signed())
        return _answer(source, "".join(f"{key}\n" for key in keys).encode(), TEXT, "no-cache")

    @ledger.get("/tile/<path:place>")
    def tile(place: str) -> Response:
        size = _newest(source).size
        try:
            with source.store.read() as connection:
                content = _read(connection, f"tile/{place}", size)
        except Corrupt:
            _refuse(source, _damaged())
        if content is None:
            _refuse(source, _missing(source.store, f"tile/{place}"))
        return _answer(source, content, BYTES, kept)

    return ledger


def _read(connection: Connection, path: str, size: int) -> bytes | None:
    """The contents of a tile or an entry bundle of a ledger of this size.

    None when the path is neither, when the ledger does not reach so far, or when the entries are
    not held any more.

    :raises Corrupt: when it is not what was stored
    """
    try:
        wanted = Bundle.parse(path) if path.startswith("tile/entries/") else Tile.parse(path)
    except Malformed:
        return None
    level = 0 if isinstance(wanted, Bundle) else wanted.level
    start = wanted.index * TILE_WIDTH
    if start + wanted.width > size >> (level * TILE_HEIGHT):
        return None
    if isinstance(wanted, Tile):
        return fetch_tile(connection, wanted)
    entries = entries_between(connection, start, start + wanted.width)
    if len(entries) < wanted.width:
        return None
    # What is served here is kept by whoever asks, so it must be what was signed.
    hashes = fetch_tile(connection, Tile(0, wanted.index, wanted.width))
    if not all(type(entry) is bytes for entry in entries) or hashes != b"".join(
        leaf_hashes(entries)
    ):
        raise Corrupt(f"the entries of {wanted.path} are not those that were hashed")
    return encode_bundle(entries)


def _missing(store: Store, path: str) -> Refused:
    """Why there is no such tile, or no such entries any more."""
    done = None
    with suppress(Malformed), store.read() as connection:
        start = Bundle.parse(path).index * TILE_WIDTH
        done = pruning_of(connection, Stream.AUDIT.value, start)
    if done is None:
        return Refused("tile_not_found", "There is no such tile.", status=404)
    message = (
        f"The entries of the records {done.first_seq:,} to {done.last_seq:,} were pruned; records_pruned "
        f"of {timestamp_text(done.pruned_at)} says so. Their hashes are still there."
    )
    return Refused("entries_pruned", message, status=404)


def _newest(source: LedgerSource) -> Signed:
    try:
        newest = source.ledger.newest()
    except Corrupt:
        _refuse(source, _damaged())
    if newest is None:
        _refuse(source, _not_signed())
    return newest


def _not_signed() -> Refused:
    message = "Nothing is signed yet. The first checkpoint follows the first record by a second."
    return Refused("not_signed_yet", message, status=404)


def _damaged() -> Refused:
    message = "This part of the ledger is not what was stored. Its owner must verify it."
    return Refused("ledger_damaged", message, status=500)


def _refuse(source: LedgerSource, refusal: Refused) -> NoReturn:
    source.log(LedgerRead(outcome=Outcome.FAILED, reason=refusal.reason))
    raise refusal


def _answer(source: LedgerSource, content: bytes, media_type: str, caching: str) -> Response:
    source.log(LedgerRead(outcome=Outcome.SUCCESS))
    response = Response(content, content_type=media_type)
    response.headers["Cache-Control"] = caching
    response.set_etag(hashlib.sha256(content).hexdigest())
    response.make_conditional(request)  # 304 to whoever has it
    return response


def _problem(refusal: Refused) -> Response:
    """The refusal as a problem document (RFC 9457)."""
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.message,
        "reason": refusal.reason,
        "request_id": current_context().get("request_id"),
    }
    response = Response(orjson.dumps(problem), refusal.status)
    response.content_type = "application/problem+json"
    response.headers["Cache-Control"] = "no-store"  # what is missing now may be there in a second
    return response
