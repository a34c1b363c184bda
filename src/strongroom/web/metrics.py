"""``/metrics``: numbers for monitoring, in OpenMetrics.

They tell how much is going on, who fails to get in, and whether the evidence holds, so they are not for
everybody: it takes the permission ``metrics:read``, which administrators have and which a token can
have alone. A monitoring system needs to see neither files nor records.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, exposition
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from strongroom.audit.extension import AuditLog
from strongroom.permissions import Permission, needs
from strongroom.settings import Settings
from strongroom.version import __version__


class ServerMetrics(Collector):
    """The file server's own numbers: its version, and room on the disks.

    :param folders: by what they hold
    """

    def __init__(self, folders: dict[str, Path]) -> None:
        self._folders = folders

    def collect(self) -> Iterator[Metric]:
        """The families, with their numbers now."""
        yield InfoMetricFamily("strongroom_build", "What runs here.", {"version": __version__})
        free = GaugeMetricFamily(
            "strongroom_disk_free_bytes",
            "Room that is left to the server on the disk of a folder.",
            labels=["folder"],
        )
        size = GaugeMetricFamily(
            "strongroom_disk_size_bytes", "Size of the disk of a folder.", labels=["folder"]
        )
        for name, folder in self._folders.items():
            try:
                disk = os.statvfs(folder)
            except OSError:
                continue  # gone: that the number is missing tells it
            free.add_metric([name], disk.f_bavail * disk.f_frsize)
            size.add_metric([name], disk.f_blocks * disk.f_frsize)
        yield from (free, size)


def metrics_blueprint(settings: Settings, audit: AuditLog) -> Blueprint:
    """``/metrics``."""
    metrics = Blueprint("metrics", __name__)
    registry = CollectorRegistry()
    registry.register(audit.metrics)
    folders = {"data": settings.data.absolute(), "objects": settings.objects_folder}
    registry.register(ServerMetrics(folders))

    @metrics.get("/metrics")
    @needs(Permission.METRICS_READ)
    def metrics_now() -> Response:
        """OpenMetrics 1.0, or the older text format for who asks for that alone."""
        if _wants_old_format():
            body, form = exposition.generate_latest(registry), exposition.CONTENT_TYPE_LATEST
        else:
            body = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]  # theirs
            form = openmetrics.CONTENT_TYPE_LATEST
        return Response(body, content_type=form, headers={"Cache-Control": "no-store"})

    return metrics


def _wants_old_format() -> bool:
    accepted = request.headers.get("Accept", "")
    return "text/plain" in accepted and "openmetrics" not in accepted
