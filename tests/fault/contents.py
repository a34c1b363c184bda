"""Files whose content follows from their name, so that any of them can be checked any time."""

from __future__ import annotations

import random
from collections.abc import Iterable

from tests.fault.load import Client
from tests.serving import Installation
from tests.web.wire import api, in_url, send


def content_of(name: str) -> bytes:
    """The content that belongs to a name: of any size from nothing to 300 kB."""
    chance = random.Random(name)
    return chance.randbytes(int(300_000 * chance.random() ** 4))


def listed(server: Installation) -> dict[str, tuple[str, str]]:
    """Id and SHA-256 of every listed file, by name."""
    found = {}
    cursor = ""
    while True:
        page = send(server, "GET", f"/api/v1/files{cursor}").json()
        found.update(
            {item["filename"]: (item["file_id"], item["sha256"]) for item in page["files"]}
        )
        if page["next"] is None:
            return found
        cursor = f"?cursor={in_url(page['next'])}"


def check_content(server: Installation, names: Iterable[str]) -> None:
    """Download; every byte must be there."""
    client = Client(server, "reader")
    try:
        for name in names:
            status, content = client.send("GET", api(name))
            assert (status, content) == (200, content_of(name)), name
    finally:
        client.close()
