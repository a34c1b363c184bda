"""Bytes by key: what blobs and, later, segments are kept in."""

from strongroom.objects.local import LocalObjects
from strongroom.objects.store import Incoming, ObjectStore

__all__ = ["Incoming", "LocalObjects", "ObjectStore"]
