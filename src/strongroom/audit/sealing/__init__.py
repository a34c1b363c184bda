"""Sealing: records move from the journal into segments of the archive."""

from strongroom.audit.sealing.sealer import Sealer

__all__ = ["Sealer"]
