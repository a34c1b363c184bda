"""Conditional requests (RFC 9110, section 13): what the client believes a file to hold.

The entity tag of a file is the SHA-256 of its content; folders have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from werkzeug.datastructures import ETags

from strongroom.files.refusals import not_matched


@dataclass(frozen=True, slots=True)
class Condition:
    """The headers ``If-Match`` and ``If-None-Match`` of an act; None for one that was not sent."""

    if_match: ETags | None = None
    if_none_match: ETags | None = None

    def check(self, name: str, sha256: str | None) -> None:
        """Refuse an act on something that is there, and is not as the client believes.

        :param sha256: of its content; None of a folder
        :raises Refused: 412 ``version_not_current``
        """
        if self.if_match is not None and not (
            self.if_match.star_tag or (sha256 is not None and self.if_match.is_strong(sha256))
        ):
            raise not_matched(name)
        if self.if_none_match is not None and (
            self.if_none_match.star_tag
            or (sha256 is not None and self.if_none_match.contains_weak(sha256))
        ):
            raise not_matched(name)


ANY: Final = Condition()
"""As it is."""
