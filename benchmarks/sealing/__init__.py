"""How long sealing and verification take, and what requests notice of a sealing."""

from benchmarks.sealing.measure import measure

__all__ = ["measure"]
