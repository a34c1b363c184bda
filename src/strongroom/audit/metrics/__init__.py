"""Numbers for monitoring: counted by every process of an application, read together by one."""

from strongroom.audit.metrics.collector import AuditMetrics
from strongroom.audit.metrics.tally import Tally

__all__ = ["AuditMetrics", "Tally"]
