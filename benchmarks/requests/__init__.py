"""What recording costs a request: the same application with and without the audit system."""

from benchmarks.requests.measure import measure

__all__ = ["measure"]
