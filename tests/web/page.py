"""Reads a page or fragment as far as these tests must: elements, their attributes and text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

from tests.serving import Installation
from tests.web.wire import HTML, Answer, send

_VOID = {"br", "hr", "img", "input", "link", "meta", "wbr"}


@dataclass
class Element:
    """One element; ``text`` is all text inside it, blanks reduced."""

    tag: str
    attributes: dict[str, str]
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What a reader sees."""
        return " ".join("".join(self.pieces).split())

    @property
    def classes(self) -> list[str]:
        """Its classes."""
        return self.attributes.get("class", "").split()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        # An end tag may be left out (p, li, td); anything else left open shows here.
        while (closed := self._open.pop()).tag != tag:
            assert closed.tag in ("p", "li", "td", "th", "tr", "dt", "dd", "option"), closed.tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.pieces.append(data)


def read(answer: Answer) -> list[Element]:
    """The elements of a page or fragment, in order; none may be closed wrongly."""
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    reader = _Reader()
    reader.feed(answer.text)
    reader.close()
    return reader.elements


def notices(answer: Answer) -> list[tuple[str, str]]:
    """What the page tells: the kind and text of each notice."""
    return [
        (kind, element.text)
        for element in read(answer)
        if "notice" in element.classes
        for kind in element.classes
        if kind != "notice"
    ]


def rows(answer: Answer) -> list[str]:
    """The names of the files that the page lists, in order."""
    return [
        element.attributes["title"]
        for element in read(answer)
        if element.tag == "a" and {"download", "title"} <= element.attributes.keys()
    ]


def is_whole(answer: Answer) -> bool:
    """Whether it is a page, not a fragment."""
    return answer.text.startswith("<!doctype html>")


def follow(server: Installation, answer: Answer) -> Answer:
    """The page that a plain form's answer leads to."""
    assert answer.status == 303
    location = urlsplit(answer.header("Location"))
    assert (location.scheme, location.netloc, location.path) == ("", "", "/")
    assert parse_qs(location.query) == {"receipt": [answer.request_id]}
    return send(server, "GET", answer.header("Location"), headers=HTML)
