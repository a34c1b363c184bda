"""Blobs: content under its own hash, stored once however often it comes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from strongroom.files.blobs import Blob, Blobs, key_of
from strongroom.files.types import TEXT, UNKNOWN
from strongroom.objects import LocalObjects

CONTENT = b"twelve thousand three hundred and forty-five" * 100
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def objects(tmp_path: Path) -> LocalObjects:
    return LocalObjects(tmp_path / "objects")


@pytest.fixture
def blobs(objects: LocalObjects) -> Blobs:
    return Blobs(objects)


def store(blobs: Blobs, content: bytes) -> Blob:
    with blobs.receive() as arriving:
        for start in range(0, len(content), 1_000):
            arriving.write(content[start : start + 1_000])
        assert arriving.size == len(content)
        return arriving.publish()


@pytest.mark.parametrize(
    ("content", "media_type"), [(b"", UNKNOWN), (b"\x00", UNKNOWN), (CONTENT, TEXT)]
)
def test_a_blob_is_named_by_its_content(blobs: Blobs, content: bytes, media_type: str) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    assert store(blobs, content) == Blob(sha256, len(content), media_type)
    with blobs.open(sha256) as stream:
        assert stream.read() == content
    assert blobs.size(sha256) == len(content)
    assert list(blobs.all()) == [sha256]


def test_equal_content_is_stored_once(blobs: Blobs, objects: LocalObjects) -> None:
    assert store(blobs, CONTENT) == store(blobs, CONTENT)
    assert list(objects.keys("blobs/")) == [key_of(SHA256)]
    assert objects.leftovers() == 0


def test_what_is_not_published_is_gone(blobs: Blobs, objects: LocalObjects) -> None:
    with blobs.receive() as arriving:
        arriving.write(CONTENT)
    assert list(blobs.all()) == []
    assert objects.leftovers() == 0
    assert blobs.size(SHA256) is None
    with pytest.raises(FileNotFoundError):
        blobs.open(SHA256)


def test_the_key_spreads_over_folders() -> None:
    assert key_of(SHA256) == f"blobs/{SHA256[:2]}/{SHA256[2:4]}/{SHA256}"


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", SHA256.upper(), SHA256[1:], SHA256 + "0", f"{SHA256}\n"]
)
def test_nothing_but_a_hash_becomes_a_path(blobs: Blobs, name: str) -> None:
    for use in (key_of, blobs.open, blobs.size):
        with pytest.raises(AssertionError):
            use(name)
