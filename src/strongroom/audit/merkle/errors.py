"""What can be wrong with a published format: its form, or what it claims."""

from __future__ import annotations

from strongroom.errors import StrongroomError


class Malformed(StrongroomError, ValueError):
    """The bytes or values are not in the published format; the message says where they leave it."""


class Unproven(StrongroomError):
    """The form is right, but it proves nothing of the kind; the message says what did not fit."""
