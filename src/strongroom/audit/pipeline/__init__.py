"""A log call becomes a record: context, exceptions, redaction, catalogue check, routing."""

from strongroom.audit.pipeline.chain import Pipeline, configure_structlog

__all__ = ["Pipeline", "configure_structlog"]
