"""Folders and selections as a zip, streamed while it is made."""

from strongroom.files.zipping.respond import Zips

__all__ = ["Zips"]
