"""Verification: everything recomputed from the stored bytes, a verdict for each kind of check."""

from strongroom.audit.ledger.verify.against import Outside, read_outside
from strongroom.audit.ledger.verify.check import Check
from strongroom.audit.ledger.verify.report import HeldCopy, Report, State, Tally, Verdict
from strongroom.audit.ledger.verify.rows import Block, Unreadable, fetch
from strongroom.audit.ledger.verify.run import OnProgress, Progress, outcome, verify, verify_ledger
from strongroom.audit.ledger.verify.trust import Trust

__all__ = [
    "Block",
    "Check",
    "HeldCopy",
    "OnProgress",
    "Outside",
    "Progress",
    "Report",
    "State",
    "Tally",
    "Trust",
    "Unreadable",
    "Verdict",
    "fetch",
    "outcome",
    "read_outside",
    "verify",
    "verify_ledger",
]
