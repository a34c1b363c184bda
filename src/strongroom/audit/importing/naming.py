"""What a foreign event is called here: a name in snake_case, never a sentence. Pure."""

from __future__ import annotations

import re
from collections.abc import Container
from functools import lru_cache
from typing import Final

from strongroom.audit.events.system import MessageLogged
from strongroom.audit.pipeline.redact import redact_text

PREFIX: Final = "imported_"
"""Before a name that is one of our own audit events: what another program says is no evidence."""

MAX_NAME: Final = 64
MAX_WORDS: Final = 6
MAX_TITLE: Final = 200
"""Characters; what is longer is a sentence."""

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_TITLE: Final = re.compile(r"[A-Za-z]+(?:[ _.:/-]+[A-Za-z]+)*[ .!:…]*")
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LETTERS: Final = re.compile(r"[A-Za-z]+")


def event_name(text: str, reserved: Container[str]) -> str:
    """The name of an event whose program calls it this.

    A name stays; a few plain words become one (``Cache warmed`` is ``cache_warmed``); a sentence
    with anything variable in it is a ``message_logged``, since every number would make a new name.

    :param reserved: names that are evidence here
    """
    name = _named(text) if len(text) <= MAX_TITLE else MessageLogged.event_name
    if name in reserved:
        name = (PREFIX + name)[:MAX_NAME].rstrip("_")
    return name


@lru_cache(maxsize=4096)
def _named(text: str) -> str:
    if redact_text(text) != text:
        return MessageLogged.event_name
    if _NAME.fullmatch(text) and len(text) <= MAX_NAME:
        return text
    if _TITLE.fullmatch(text):
        words = _LETTERS.findall(_HUMP.sub(" ", text))
        name = "_".join(words).lower()
        if len(words) <= MAX_WORDS and len(name) <= MAX_NAME:
            return name
    return MessageLogged.event_name
