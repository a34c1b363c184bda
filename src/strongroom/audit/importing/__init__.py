"""Other programs' logs become records of the stream ``imported``.

``reading`` turns one line into one record and touches nothing; ``importer`` writes.
"""

from strongroom.audit.importing.formats import FORMATS, Format
from strongroom.audit.importing.importer import Importer, SourceReport, Unrecognised
from strongroom.audit.importing.reading import LineReader, Rejected

__all__ = [
    "FORMATS",
    "Format",
    "Importer",
    "LineReader",
    "Rejected",
    "SourceReport",
    "Unrecognised",
]
