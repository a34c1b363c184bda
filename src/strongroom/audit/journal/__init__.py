"""Durable, ordered records: the first home of everything that is logged."""

from strongroom.audit.journal.journal import Journal
from strongroom.audit.journal.stored import StoredRecord, decode, encode

__all__ = ["Journal", "StoredRecord", "decode", "encode"]
