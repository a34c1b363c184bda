"""The viewer: ``/logs`` as pages, HTMX fragments and JSON."""

from strongroom.audit.viewer.api import records_api
from strongroom.audit.viewer.pages import viewer_blueprint

__all__ = ["records_api", "viewer_blueprint"]
