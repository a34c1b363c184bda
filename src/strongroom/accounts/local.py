"""Where to go after signing in: an address of this site, whatever the link said."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote

from strongroom.permissions import Identity, Permission

HOME: Final = "/"

_LONGEST: Final = 2000
"""Characters; the longest file name in an address takes fewer."""

_ROUNDS: Final = 4
"""How often something on the way may decode an address again; the rest is refused."""

_IN_ADDRESSES: Final = "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"


def local_path(value: str) -> str:
    """The address, if every browser and proxy takes it for a path of this site; else ``/``.

    Browsers read a backslash as a slash and drop tabs and line breaks; proxies decode and merge.
    """
    if not value.startswith("/") or len(value) > _LONGEST:
        return HOME
    if not value.isprintable() or "\\" in value:
        return HOME
    path = value.partition("?")[0].partition("#")[0]
    for _ in range(_ROUNDS):
        if not _plain(path):
            return HOME
        decoded = unquote(path)
        if decoded == path:
            return quote(value, safe=_IN_ADDRESSES)
        path = decoded
    return HOME


def _plain(path: str) -> bool:
    """No way out of the site, and nothing that is read in two ways."""
    segments = path.split("/")
    return (
        path.isprintable()
        and "\\" not in path
        and not path.startswith("//")
        and not {".", ".."} & set(segments)
    )


def landing(identity: Identity, wanted: str, places: dict[Permission, str], otherwise: str) -> str:
    """Where somebody goes who has just come in.

    :param wanted: of :func:`local_path`; its ``/`` means: wherever they have something to do
    :param places: the first page for each permission, the best first
    """
    if wanted != HOME:
        return wanted
    allowed = (place for need, place in places.items() if identity.may(need))
    return next(allowed, otherwise)
