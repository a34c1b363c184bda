"""The ledger over the audit stream: signed, tiled, provable, served."""

from strongroom.audit.ledger.ledger import Ledger, Signed

__all__ = ["Ledger", "Signed"]
