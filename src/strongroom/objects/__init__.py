"""Bytes by key: what blobs and, later, segments are kept in."""

from strongroom.objects.local import LocalObjects
from strongroom.objects.store import (
    Arrived,
    Incoming,
    ObjectStore,
    Overtaken,
    Resumable,
    ResumableWriter,
)

__all__ = [
    "Arrived",
    "Incoming",
    "LocalObjects",
    "ObjectStore",
    "Overtaken",
    "Resumable",
    "ResumableWriter",
]
