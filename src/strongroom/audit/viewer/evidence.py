"""What the viewer shows and hands out of a record's proof."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Response

from strongroom.audit.events import Stream
from strongroom.audit.events.ledger import EvidenceExported
from strongroom.audit.events.system import LogsViewed
from strongroom.audit.ledger.bundle import MEDIA_TYPE, write_bundle
from strongroom.audit.ledger.held import PartState, held_record
from strongroom.audit.ledger.status import Assurance
from strongroom.audit.merkle import Malformed, Unproven
from strongroom.audit.pipeline.render import escape
from strongroom.audit.viewer.source import RecordSource, log_view
from strongroom.errors import Corrupt, Refused

Record = Mapping[str, Any]

_PROOF_TYPE: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class ShownProof:
    """What a record's page says of its proof.

    :param state: ``verified``, ``waiting``, ``wrong``, or ``apart`` for what is no evidence
    :param notes: what is to be said beside it
    """

    state: str
    heading: str
    text: str
    notes: Sequence[str] = ()


def shown_proof(source: RecordSource, record: Record) -> ShownProof:
    """The record's proof, verified from the stored bytes while the page is made."""
    if record["stream"] != Stream.AUDIT:
        return ShownProof(
            "apart",
            "Not evidence",
            f"Records of the stream {record['stream']} are not in the ledger. "
            "Those of the stream audit are.",
        )
    seq, assurance = record["seq"], Assurance.load(source.store, source.copy_places)
    notes = []
    if assurance.failure is not None:
        if assurance.newest is None:
            return ShownProof("wrong", "Does not verify", escape(assurance.failure))
        notes.append(escape(f"The ledger as a whole does not hold: {assurance.failure}"))
    if seq >= assurance.size:
        text = f"Leaf {seq:,} · no checkpoint covers it yet"
        return ShownProof("waiting", "Not signed yet", text, notes)
    try:
        forgotten = _verify(source, assurance, seq)
    except (Corrupt, Malformed, Unproven) as error:
        return ShownProof("wrong", "Does not verify", escape(str(error)), notes)
    if forgotten:
        notes.append(f"Not held any more: {', '.join(forgotten)}")
    notes += [escape(f"Not copied to {trouble}") for trouble in assurance.trouble]
    text = escape(f"Leaf {seq:,} · in the {assurance.signed} · {assurance.held(seq)}")
    return ShownProof("verified", "Verified just now", text, notes)


def _verify(source: RecordSource, assurance: Assurance, seq: int) -> list[str]:
    """Recompute the proof; the parts that are not held any more.

    :raises Unproven: when it does not hold
    """
    proof = source.ledger.proof(seq, assurance.newest)
    with source.store.read() as connection:
        held = held_record(connection, seq)
    if held is None:
        raise Unproven("its stored bytes are gone")
    held.verify(proof, source.ledger.keys.verifiers())
    return [name for name, state in held.part_states().items() if state is PartState.FORGOTTEN]


def proof_file(source: RecordSource, record_id: str) -> Response:
    """The proof of a record (C2SP tlog-proof).

    :raises Refused: 404 ``record_not_found``, ``record_not_evidence`` or ``not_signed_yet``
    """
    record = _evidence(source, record_id)
    content = source.ledger.proof(record["seq"]).to_bytes()
    log_view(source, LogsViewed(count=1, extra={"record": record["id"], "as": "proof"}))
    return _file(content, _PROOF_TYPE, f"{record['id']}.tlog-proof")


def bundle_file(source: RecordSource, record_id: str) -> Response:
    """The evidence bundle of one record.

    :raises Refused: as :func:`proof_file`
    """
    record = _evidence(source, record_id)
    packed = io.BytesIO()
    write_bundle(source.store, [record["seq"]], packed, places=source.copy_places)
    log_view(source, EvidenceExported(count=1, extra={"record": record["id"]}))
    return _file(packed.getvalue(), MEDIA_TYPE, f"evidence-{record['id']}.zip")


def _evidence(source: RecordSource, record_id: str) -> Record:
    record = source.search.record(record_id)
    if record is None:
        raise Refused("record_not_found", "There is no such record.", status=404)
    if record["stream"] != Stream.AUDIT:
        message = f"Records of the stream {record['stream']} are not in the ledger: no proof."
        raise Refused("record_not_evidence", message, status=404)
    return record


def _file(content: bytes, media_type: str, name: str) -> Response:
    response = Response(content, content_type=media_type)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "no-store"
    return response
