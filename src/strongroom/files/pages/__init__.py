"""The pages of files, their fragments and forms; all of it works without JavaScript."""

from strongroom.files.pages import changes, listing, questions, sharing, trash, versions, zips
from strongroom.files.pages.blueprint import pages

__all__ = ["changes", "listing", "pages", "questions", "sharing", "trash", "versions", "zips"]
