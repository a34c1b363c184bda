"""What an event is: the vocabulary of fields, the declaration, the catalogue.

Pure: no Flask, SQL, sockets, clocks or settings.
"""

from strongroom.audit.events.catalogue import Catalogue
from strongroom.audit.events.event import Event, Level, Outcome, Stream, declare
from strongroom.audit.events.fields import FIELDS, Field, Part

__all__ = [
    "FIELDS",
    "Catalogue",
    "Event",
    "Field",
    "Level",
    "Outcome",
    "Part",
    "Stream",
    "declare",
]
