"""What is done in the background: old things are purged, orphans collected, all content read again."""

from strongroom.files.upkeep.collect import collect
from strongroom.files.upkeep.scrub import Scrub
from strongroom.files.upkeep.thread import Upkeep

__all__ = ["Scrub", "Upkeep", "collect"]
