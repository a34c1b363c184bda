"""The syntax tree of a query: one class for each operator, each of which prints itself."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.audit.query.language.fields import KNOWN
from strongroom.audit.query.language.quoting import is_bare, quoted
from strongroom.audit.query.language.values import fits


@dataclass(frozen=True, slots=True)
class Text:
    """A word or phrase that some text of a record contains, in any case of letters."""

    text: str

    def __str__(self) -> str:
        return self.text if is_bare(self.text) and ":" not in self.text else quoted(self.text)


@dataclass(frozen=True, slots=True)
class Is:
    """A field that has exactly this value.

    :param value: in text; where the field has another type, and the text does not fit that, it is
        compared with the text that stands there instead
    """

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}:{self.condition}"

    @property
    def condition(self) -> str:
        """What stands behind the colon."""
        bare = is_bare(self.value) and self.value.partition(":")[0] not in KNOWN
        return self.value if bare and fits(self.field, self.value) else quoted(self.value)


@dataclass(frozen=True, slots=True)
class Like:
    """A text that has these pieces in this order, in any case of letters, and anything between.

    :param pieces: two or more. What the text begins with, and what it ends with, comes first and last
        and may be empty; those between are not.
    """

    field: str
    pieces: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.pieces) < 2 or not any(self.pieces) or not all(self.pieces[1:-1]):
            raise ValueError(f"not the pieces of a pattern: {self.pieces}")

    def __str__(self) -> str:
        return f"{self.field}:{self.condition}"

    @property
    def condition(self) -> str:
        """What stands behind the colon."""
        pieces = (p if not p or (is_bare(p) and ":" not in p) else quoted(p) for p in self.pieces)
        return "*".join(pieces)


@dataclass(frozen=True, slots=True)
class Present:
    """A field that the record has."""

    field: str

    def __str__(self) -> str:
        return f"{self.field}:*"


@dataclass(frozen=True, slots=True)
class Above:
    """A number that is greater, or a time after all of this."""

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}:>{self.value}"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A number that is as great or greater, or a time from this on."""

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}:>={self.value}"


@dataclass(frozen=True, slots=True)
class Below:
    """A number that is less, or a time before this."""

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}:<{self.value}"


@dataclass(frozen=True, slots=True)
class AtMost:
    """A number that is as great or less, or a time up to the end of this."""

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}:<={self.value}"


@dataclass(frozen=True, slots=True)
class Between:
    """A number, address or time from the first to the last, both inside."""

    field: str
    low: str
    high: str

    def __str__(self) -> str:
        return f"{self.field}:{self.low}..{self.high}"


@dataclass(frozen=True, slots=True)
class Within:
    """An address of this network.

    :param network: as CIDR has it
    """

    field: str
    network: str

    def __str__(self) -> str:
        return f"{self.field}:{self.network}"


@dataclass(frozen=True, slots=True)
class During:
    """A time within a span that ends now, or on a day, or in a minute or second."""

    span: str

    @property
    def field(self) -> str:
        """``time``, always."""
        return "time"

    def __str__(self) -> str:
        return f"time:{self.span}"


@dataclass(frozen=True, slots=True)
class And:
    """All of these: two or more."""

    parts: tuple[Term, ...]

    def __post_init__(self) -> None:
        _check(self.parts)

    def __str__(self) -> str:
        return " ".join(map(grouped, self.parts))


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of these: two or more."""

    parts: tuple[Term, ...]

    def __post_init__(self) -> None:
        _check(self.parts)

    def __str__(self) -> str:
        field = self.field
        if field is None:
            return " OR ".join(map(grouped, self.parts))
        choices = [part.condition for part in self.parts if isinstance(part, Is | Like)]
        return f"{field}:({' OR '.join(choices)})"

    @property
    def field(self) -> str | None:
        """The one field whose values these are; None where they are something else."""
        fields = {part.field if isinstance(part, Is | Like) else None for part in self.parts}
        return fields.pop() if len(fields) == 1 else None


@dataclass(frozen=True, slots=True)
class Not:
    """Whatever does not match this, also where a field is absent."""

    part: Term

    def __str__(self) -> str:
        return f"-{grouped(self.part)}"


Term = (
    Text | Is | Like | Present | Above | AtLeast | Below | AtMost | Between | Within | During
    | And | Or | Not
)  # fmt: skip
"""Anything that a record matches or does not."""


def grouped(term: Term) -> str:
    """Printed so that it can stand beside others."""
    is_open = isinstance(term, And) or (isinstance(term, Or) and term.field is None)
    return f"({term})" if is_open else str(term)


def _check(parts: tuple[Term, ...]) -> None:
    if len(parts) < 2:
        raise ValueError("it takes two to be joined")
