"""What must be shown of every route, and the requests that show it.

Completeness is a promise: whatever a request comes to, it leaves one ``request``, one ``response``,
and an outcome event where the catalogue has one. A route belongs to a kind, a kind has outcomes, and
:func:`gaps` tells which outcome of which route no example shows.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

RECORD = "01980000-0000-7000-8000-000000000000"
FILE = "example.txt"
HERE = f"/delete/{FILE}"
SOURCE = Path(__file__).parents[2] / "src" / "strongroom"

Route = tuple[str, str]
"""Method and rule, the rule without the names of its variables."""


class State(StrEnum):
    """In which condition the server is when it is asked."""

    SOUND = "sound"
    SMALL = "takes small files only"
    FULL = "disk full"
    BROKEN = "table of files lost"
    MUTE = "journal cannot be written"
    BLIND = "journal lost"


@dataclass(frozen=True)
class Example:
    """A request and what must come of it.

    :param events: outcome events, beside ``request`` and ``response``; None stands for requests
        that are counted instead of recorded
    :param leaves: the client sends half of the body, or reads half of the answer, and is gone
    """

    method: str
    rule: str
    target: str
    status: int
    events: tuple[str, ...] | None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    state: State = State.SOUND
    reason: str | None = None
    leaves: bool = False

    @property
    def route(self) -> Route:
        """The route that it belongs to."""
        return self.method, plain(self.rule)

    @property
    def outcome(self) -> str:
        """What of its route it shows: the status, or that the client left."""
        return "left" if self.leaves else str(self.status)


def plain(rule: str) -> str:
    """A rule whatever its converters and names are called."""
    head, _, rest = rule.partition("<")
    return head + "<>" + rest.partition(">")[2] if rest else rule


_OURS = {"500", "503"}
KINDS: dict[str, set[str]] = {
    "listing": {"200", "400", "421", "403", *_OURS},
    "listing by script": {"200", "400", "404", "421", "403", *_OURS},
    "upload by form": {"303", "201", "207", "400", "403", "409", "413", "421", "507", "left", *_OURS},
    "upload": {"201", "400", "403", "409", "413", "421", "507", "left", *_OURS},
    "download": {"200", "206", "304", "404", "416", "421", "403", "left", *_OURS},
    "question": {"200", "304", "404", "421", "500"},
    "deletion": {"done", "404", "403", "421", *_OURS},
    "view": {"200", "400", "403", "421", "500"},
    "record": {"200", "404", "403", "421", "500"},
    "counted": {"200"},
    "assets": {"404"},
}  # fmt: skip
"""The outcomes that a route can have, by what it is for."""

ROUTES: dict[Route, str] = {
    ("GET", "/"): "listing",
    ("GET", "/files"): "listing",
    ("GET", "/api/v1/files"): "listing by script",
    ("GET", "/api/v1/files/"): "listing",
    ("POST", "/upload"): "upload by form",
    ("PUT", "/api/v1/files/<>"): "upload",
    ("GET", "/api/v1/files/<>"): "download",
    ("HEAD", "/api/v1/files/<>"): "question",
    ("DELETE", "/api/v1/files/<>"): "deletion",
    ("DELETE", "/delete/<>"): "deletion",
    ("POST", "/delete/<>"): "deletion",
    ("GET", "/logs"): "view",
    ("GET", "/logs/"): "view",
    ("GET", "/api/v1/records"): "view",
    ("GET", "/logs/<>"): "record",
    ("GET", "/api/v1/records/<>"): "record",
    ("GET", "/healthz"): "counted",
    ("GET", "/readyz"): "counted",
    ("GET", "/static/<>"): "assets",
    ("GET", "/files/static/<>"): "assets",
    ("GET", "/logs/static/<>"): "assets",
}
"""HEAD is like GET, and OPTIONS leaves no outcome; neither needs a kind of its own."""

UNHEARD = {
    "field_not_valid",  # of the command line
    "viewer_not_allowed",  # while there are no accounts, whoever is let in may read
}
"""Reasons that no request can have."""


def gaps(routes: Iterable[Route], examples: Iterable[Example]) -> list[str]:
    """What is not shown: routes without a kind, outcomes without an example."""
    shown: dict[Route, set[str]] = {}
    for example in examples:
        done = example.status < 400 and not example.leaves
        shown.setdefault(example.route, set()).update({example.outcome, "done"} if done else {example.outcome})  # fmt: skip
    found = []
    for method, rule in sorted(routes):
        wanted = {"200"} if method == "OPTIONS" else _wanted(method, rule)
        if wanted is None:
            found.append(f"{method} {rule} is of no kind")
        else:
            missing = wanted - shown.get((method, rule), set())
            found += [f"{method} {rule} {outcome}" for outcome in sorted(missing)]
    known = set(routes)
    found += [
        f"{method} {rule} is no route" for method, rule in shown if (method, rule) not in known
    ]
    return found


def _wanted(method: str, rule: str) -> set[str] | None:
    kind = ROUTES.get((method, rule))
    if kind is not None:
        return KINDS[kind]
    # A HEAD that nothing is said of above is answered by the code of its GET.
    return {"done" if ROUTES[("GET", rule)] != "assets" else "404"} if method == "HEAD" and ("GET", rule) in ROUTES else None  # fmt: skip


def reasons_of_the_product() -> set[str]:
    """Every reason that the code refuses or fails with, read from the code itself."""
    found = set()
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("Refused", "ServerFault")
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(str(node.args[0].value))
    return found - UNHEARD
