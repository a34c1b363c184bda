"""What a file is by its first bytes; robust against whatever they are."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.files.types import HEAD_BYTES, detect


def archive(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("head", "name", "expected"),
    [
        (b"", "empty.txt", "application/octet-stream"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "a.pdf", "application/pdf"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "a.txt", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n" + bytes(16), "a.png", "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "a.exe", "image/jpeg"),
        (b"MZ\x90\x00" + bytes(60), "a.jpg", "application/vnd.microsoft.portable-executable"),
        (b"\x1f\x8b\x08" + bytes(8), "a", "application/x-gzip"),
        (archive("a.txt"), "a", "application/zip"),
        (archive("[Content_Types].xml", "word/document.xml"), "a.docx",
         "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("grüße\n".encode(), "a.txt", "text/plain"),
        (b"plain words", "a.pdf", "text/plain"),
        (b"From: nobody in particular", "a.txt", "text/plain"),
        (b"BM is how this sentence begins", "a.txt", "text/plain"),
        (b"x" * (HEAD_BYTES - 1) + "ü".encode(), "a.txt", "text/plain"),
        (b"\xff\xfe\x00\x01", "a.txt", "application/octet-stream"),
        (bytes(100), "a.bin", "application/octet-stream"),
    ],
)  # fmt: skip
def test_what_content_shows(head: bytes, name: str, expected: str) -> None:
    assert detect(head, name) == expected


@given(st.binary(max_size=HEAD_BYTES + 10), st.text(max_size=50))
def test_whatever_comes_there_is_a_type(head: bytes, name: str) -> None:
    found = detect(head, name)
    assert found.count("/") == 1
    assert found.isascii()
    assert found.isprintable()
