"""The product, which begins to seal a while after its start."""

from __future__ import annotations

from flask import Flask

from benchmarks.requests import own
from strongroom.audit.sealing import thread


def make_application(quiet_seconds: float) -> Flask:
    """The whole product.

    :param quiet_seconds: until the first sealing
    """
    thread.FIRST_SECONDS = quiet_seconds
    return own.make_application()
