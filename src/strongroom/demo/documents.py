"""The made-up clinic's documents: small, and real enough to be opened."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

PATIENTS: Final = (
    "Abara, Chidi", "Bakker, Sanne", "Costa, Inês", "Dvořák, Jan", "Eriksen, Liv", "Fontaine, Luc",
    "García, Elena", "Haddad, Nora", "Ivanova, Olga", "Jansen, Piet", "Khan, Amir", "Lopes, Rui",
    "Moreau, Alice", "Nakamura, Yui", "O’Brien, Siobhán", "Papadakis, Eleni", "Quinn, Maeve",
    "Ricci, Paolo",
)  # fmt: skip
_ABOUT: Final = (
    ("intake", "pdf"), ("consent form", "pdf"), ("lab results", "csv"), ("referral", "pdf"),
    ("history", "txt"),
)  # fmt: skip
_OFFICE: Final = (
    ("/Contracts", "lease 2026", "pdf"), ("/Contracts", "cleaning services", "pdf"),
    ("/Contracts", "lab framework agreement", "pdf"), ("/Finance", "invoices october", "csv"),
    ("/Finance", "invoices november", "csv"), ("/Finance", "budget 2027 draft", "csv"),
    ("/Finance", "payroll november", "csv"), ("/Rota", "rota week 47", "csv"),
    ("/Rota", "rota week 48", "csv"), ("/Policies", "data protection", "pdf"),
    ("/Policies", "hygiene plan", "pdf"), ("/Policies", "fire drill", "txt"),
)  # fmt: skip
_TYPES: Final = {"pdf": "application/pdf", "csv": "text/csv", "txt": "text/plain"}
_WORDS: Final = [
    "the",
    "patient",
    "reports",
    "no",
    "pain",
    "at",
    "rest",
    "and",
    "sleeps",
    "well",
    "since",
    "the",
    "dose",
    "was",
    "halved",
    "blood",
    "pressure",
    "is",
    "stable",
    "weight",
    "unchanged",
    "follow",
    "up",
    "in",
    "six",
    "weeks",
    "results",
    "were",
    "discussed",
    "in",
    "person",
    "consent",
    "was",
    "given",
    "in",
    "writing",
    "a",
    "copy",
    "went",
    "to",
    "the",
    "practice",
    "that",
    "referred",
]


@dataclass(frozen=True, slots=True)
class Document:
    """A file to be: where, what it is called, and what is in it."""

    folder: str
    name: str
    content_type: str
    content: bytes


def documents(source: random.Random) -> Sequence[Document]:
    """All of them, each with another content."""
    patients = [(f"/Patients/{name}", about, kind) for name in PATIENTS for about, kind in _ABOUT]
    return [_document(source, *place) for place in (*patients, *_OFFICE)]


def revised(source: random.Random, document: Document) -> Document:
    """The same with another content."""
    title, _, kind = document.name.rpartition(".")
    return _document(source, document.folder, title, kind)


def _document(source: random.Random, folder: str, title: str, kind: str) -> Document:
    lines = [" ".join(source.choices(_WORDS, k=11)) for _ in range(source.randrange(12, 38))]
    heading = f"{folder.rsplit('/', 1)[1]}: {title}"
    if kind == "pdf":
        content = _pdf([heading, "", *lines])
    elif kind == "csv":
        rows = [f"{n},{source.choice(_WORDS)},{source.uniform(1, 400):.1f}" for n in range(1, 90)]
        content = "\r\n".join(["number,item,value", *rows, ""]).encode()
    else:
        content = "\n".join([heading, "", *lines, ""]).encode()
    return Document(folder, f"{title}.{kind}", _TYPES[kind], content)


def _pdf(lines: Sequence[str]) -> bytes:
    """One page of text as PDF 1.4 (ISO 32000-1, annex H.3 has such a minimal file)."""
    shown = b"".join(b"(%b) Tj T*\n" % _pdf_text(line) for line in lines)
    stream = b"BT /F 10 Tf 14 TL 56 780 Td\n" + shown + b"ET\n"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources %b >>"
        % b"<< /Font << /F 5 0 R >> >>",
        b"<< /Length %d >>\nstream\n%bendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )
    written, places = b"%PDF-1.4\n", list[int]()
    for number, content in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return written + (
        b"xref\n0 6\n0000000000 65535 f \n%btrailer\n<< /Size 6 /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (table, len(written))
    )


def _pdf_text(line: str) -> bytes:
    """A line as a literal string of PDF."""
    encoded = line.encode("cp1252", "replace")
    return encoded.replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
