"""Retention: whole segments go when a rule says so, no hold keeps them, and the ledger says that they went."""

from strongroom.audit.retention.keeping import Retention
from strongroom.audit.retention.pruner import Pruner
from strongroom.audit.retention.rules import KEEP_EVERYTHING, Rules

__all__ = ["KEEP_EVERYTHING", "Pruner", "Retention", "Rules"]
