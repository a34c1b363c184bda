"""Large and small bodies in both directions, against copyparty and nginx."""

from benchmarks.transfers.measure import measure

__all__ = ["measure"]
