"""All records that match, as a file of another format: in memory that is bounded, with its digest."""

from strongroom.audit.export.exporting import Export
from strongroom.audit.export.formats import FORMATS, Format
from strongroom.audit.export.turns import export_turns

__all__ = ["FORMATS", "Export", "Format", "export_turns"]
