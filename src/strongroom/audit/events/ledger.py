"""Events of the ledger: what was signed, what was verified, and that nothing happened."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.audit.events.event import Event, Level, Outcome, Stream, declare


@declare("heartbeat", stream=Stream.AUDIT, levels=Level.INFO)
class Heartbeat(Event):
    """An hour has passed: recorded so that silence shows."""


@declare("checkpoint_published", stream=Stream.OPS, levels=Level.DEBUG)
class CheckpointPublished(Event):
    """Checkpoints are being signed, the newest of so many records; recorded once a minute."""

    count: int


@declare("log_verified", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class LogVerified(Event):
    """Every record, tile and checkpoint was recomputed, and all of it holds."""

    count: int
    extra: Mapping[str, object] | None = None


@declare("verification_failed", stream=Stream.AUDIT, levels={Outcome.FAILED: Level.CRITICAL})
class VerificationFailed(Event):
    """What is stored is not what was recorded, or cannot be shown to be."""

    reason: str
    count: int | None = None
    extra: Mapping[str, object] | None = None


@declare(
    "ledger_read",
    stream=Stream.OPS,  # in the audit stream, reading the ledger would make it grow
    levels={Outcome.SUCCESS: Level.INFO, Outcome.FAILED: Level.WARNING},
)
class LedgerRead(Event):
    """An auditor's tool asked for a part of the ledger: a checkpoint, a tile, entries, keys."""

    outcome: Outcome
    reason: str | None = None


@declare("evidence_exported", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class EvidenceExported(Event):
    """Records left as an evidence bundle: with their contents, as far as still held, and proofs."""

    count: int
    extra: Mapping[str, object] | None = None


@declare("signing_key_changed", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class SigningKeyChanged(Event):
    """Another key signs the ledger from here on; the key before it signs this record as well, unless
    it was lost, which is the reason then."""

    verifier_key: str
    reason: str | None = None


@declare("segment_sealed", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class SegmentSealed(Event):
    """Records moved from the journal to a segment of the archive, which never changes from then on.

    ``extra`` says which, and has the SHA-256 of each file and of the segment's index.
    """

    count: int
    extra: Mapping[str, object]
