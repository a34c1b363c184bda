"""Multipart bodies, whole, damaged and made up: files within the limits, or a refusal, and no rest."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.exceptions import ClientDisconnected

from strongroom.audit.extension import AuditLog
from strongroom.bootstrap import OWN_CATALOGUE, SCHEMAS
from strongroom.errors import Refused
from strongroom.files.blobs import Blobs
from strongroom.files.forms import Form
from strongroom.files.names import check_filename
from strongroom.files.service import FileService
from strongroom.files.uploads import Uploads
from strongroom.objects import LocalObjects
from strongroom.store import Store
from strongroom.store.migrate import migrate

LIMIT = 4_000
"""Bytes of the files of one form."""


class Receiver:
    """Uploads into a folder; nothing that it stores is in the way of the next."""

    def __init__(self, folder: Path, store: Store) -> None:
        migrate(store, *SCHEMAS)
        self.incoming = folder / "objects" / "incoming"
        self.audit = AuditLog(store=store, viewer=None, catalogue=OWN_CATALOGUE, signing=None)
        blobs = Blobs(LocalObjects(folder / "objects"))
        self.files = FileService(store, blobs, self.audit, lambda *_: True)
        self.uploads = Uploads(self.files, self.audit, LIMIT)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    folder = tmp_path_factory.mktemp("forms")
    store = Store(f"sqlite:///{folder / 'test.db'}")
    receiver = Receiver(folder, store)
    yield receiver
    receiver.audit.close()
    store.close()


LINES = st.sampled_from(
    [b"--b", b"--b--", b"\r\n", b"\n", b"\r", b"", b"--", b"x" * 70, b"\x00", b"\xff\xfe", b"b",
     b'Content-Disposition: form-data; name="file"; filename="f"', b"Content-Disposition: form-data",
     b'Content-Disposition: form-data; name="file"; filename="', b"Content-Type: text/html; charset=utf-7",
     b"Content-Disposition: form-data; name=file; filename*=utf-8''%ff", b"Content-Type:", b": x", b" folded",
     b'content-disposition: form-data; name="file"; filename="../\\"; name="b"', b"Content-Length: -1",
     b"Content-Transfer-Encoding: base64", b"Content-Type: multipart/mixed; boundary=c", b"--c"]
)  # fmt: skip
MADE_UP = st.lists(LINES | st.binary(max_size=30), max_size=25).map(b"\r\n".join)


def quoted(name: str) -> str:
    """The HTML standard's way."""
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def written(files: list[tuple[str, bytes]]) -> bytes:
    """A sound body."""
    parts = (
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="{quoted(name)}"\r\n\r\n'.encode(
            "utf-8", "replace"
        )
        + content
        for name, content in files
    )
    return b"\r\n".join([*parts, b"--b--\r\n"])


SOUND = st.lists(
    st.tuples(st.text(min_size=1, max_size=20), st.binary(max_size=400)), min_size=1, max_size=4
).map(written)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sound body, of which a piece is gone, doubled or another."""
    body = draw(SOUND)
    start = draw(st.integers(0, len(body)))
    stop = draw(st.integers(start, min(len(body), start + 40)))
    return body[:start] + draw(st.binary(max_size=40) | st.just(body[start:stop] * 2)) + body[stop:]


BOUNDARIES = st.just({"boundary": "b"}) | st.dictionaries(
    st.sampled_from(["boundary", "charset", "x"]), st.text(max_size=90), max_size=3
)


@given(MADE_UP | SOUND | damaged() | st.binary(max_size=300), BOUNDARIES, st.booleans())
@example(written([("f", b"x" * (LIMIT + 1))]), {"boundary": "b"}, False)
@example(written([(f"f{number}", b"x") for number in range(1_100)]), {"boundary": "b"}, False)
def test_a_form_is_files_or_a_refusal(
    receiver: Receiver, body: bytes, options: dict[str, str], announced: bool
) -> None:
    form = Form(io.BytesIO(body), "multipart/form-data", len(body) if announced else None, options)
    try:
        results = receiver.uploads.form(form, "/")
    except (Refused, ClientDisconnected):
        results = []
    assert not any(receiver.incoming.iterdir())
    stored = [result.file for result in results if result.file is not None]
    assert sum(file.file_size_bytes for file in stored) <= LIMIT
    for file in stored:
        check_filename(file.filename)
        with receiver.files.blobs.open(file.sha256) as content:
            assert hashlib.sha256(content.read()).hexdigest() == file.sha256
        receiver.files.trash([file.file_id])
    for result in results:
        assert (result.file is None) != (result.problem is None)
        assert result.problem is None or isinstance(result.problem, Refused)
    assert receiver.files.count() == 0


@given(st.lists(st.tuples(st.from_regex(r"[a-z]{1,12}", fullmatch=True), st.binary(max_size=900)),
                min_size=1, max_size=4, unique_by=lambda item: item[0]))  # fmt: skip
def test_what_is_sent_is_what_is_stored(receiver: Receiver, files: list[tuple[str, bytes]]) -> None:
    """Contents that hold line ends and pieces of the boundary too."""
    files = [(name, content.replace(b"--b", b"-b")) for name, content in files]
    results = receiver.uploads.form(
        Form(io.BytesIO(written(files)), "multipart/form-data", None, {"boundary": "b"}), "/"
    )
    for (name, content), result in zip(files, results, strict=True):
        assert result.file is not None, result.problem
        assert (result.filename, result.file.sha256) == (name, hashlib.sha256(content).hexdigest())
        receiver.files.trash([result.file.file_id])
