"""Paths of files in addresses: any names, and to the letter."""

from __future__ import annotations

from urllib.parse import quote

from flask import request, url_for
from werkzeug.routing import BaseConverter

from strongroom.errors import Refused


class AnyName(BaseConverter):
    """``<name:…>`` in a route: everything that follows, so that no name is a 404 by its form."""

    regex = "(?s:.+)"
    part_isolating = False


def address_below(endpoint: str, path: str) -> str:
    """The address of a route that ends in ``<name:path>``, for this path.

    ``url_for`` leaves some characters of a name as they are that clients then normalise.
    """
    return url_for(endpoint, path="_").removesuffix("_") + quote(path.removeprefix("/"))


def name_in_path(path: str) -> str:
    """The path of a file in an address.

    :param path: as the router decoded it, with U+FFFD for what is not UTF-8
    :raises Refused: 400 when the address is not UTF-8, or has an empty name in it: it names no
        file then, and is not made to
    """
    try:
        request.environ["PATH_INFO"].encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise Refused(
            "filename_not_allowed", "The name in the address is not UTF-8. Encode it so."
        ) from None
    if "" in path.split("/"):
        raise Refused(
            "filename_empty",
            "The address has “/” where a name should begin. Take out what is double.",
        )
    return path
