"""What others have written: signed notes, checkpoints, and logs that are imported."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.importing import FORMATS, Rejected
from strongroom.audit.importing.formats import recognise
from strongroom.audit.importing.lines import parse_object
from strongroom.audit.merkle import Checkpoint, Malformed, SignedNote, SigningKey, Unproven
from strongroom.audit.merkle.hashing import EMPTY_ROOT
from tests.unit.importing import LATEST, read

KEY = SigningKey("example.com/log", bytes(range(32)))
NOTE = Checkpoint(KEY.name, 7, bytes(32), ("extension",)).sign(KEY).to_bytes()
EMPTY = Checkpoint(KEY.name, 0, EMPTY_ROOT).sign(KEY).to_bytes()


@st.composite
def damaged(draw: st.DrawFn, examples: tuple[bytes, ...]) -> bytes:
    """One of these, of which a piece is gone, doubled or another."""
    whole = draw(st.sampled_from(examples))
    start = draw(st.integers(0, len(whole)))
    stop = draw(st.integers(start, min(len(whole), start + 12)))
    piece = draw(
        st.binary(max_size=12)
        | st.just(whole[start:stop] * 2)
        | st.sampled_from([b"\n", b"0", "— ".encode()])
    )
    return whole[:start] + piece + whole[stop:]


@given(damaged((NOTE, EMPTY)) | st.binary(max_size=200))
def test_a_note_is_read_in_one_spelling(data: bytes) -> None:
    try:
        note = SignedNote.parse(data)
        checkpoint = Checkpoint.parse(note.text)
    except Malformed:
        return
    assert note.to_bytes() == data
    assert str(checkpoint) == note.text
    assert checkpoint.size >= 0
    assert len(checkpoint.root) == 32


@given(damaged((NOTE, EMPTY)))
def test_a_signature_covers_every_byte_of_the_text(data: bytes) -> None:
    try:
        note = SignedNote.parse(data)
        signers = note.verify([KEY.verifier])
    except (Malformed, Unproven):
        return
    if signers:
        assert note.text in {SignedNote.parse(whole).text for whole in (NOTE, EMPTY)}


LINES = (
    b'{"event": "user logged in", "timestamp": "2026-01-02T03:04:05Z", "level": "info", "user": "x"}',
    (
        b'{"level":"info","ts":1767323045.1,"logger":"http.log.access","status":200,"duration":0.001,'
        b'"request":{"method":"GET","uri":"/a?b=c","headers":{"User-Agent":["x"]}}}'
    ),
    b'{"time":"2026-01-02T03:04:05.123456789+01:00","severity":"ERROR","msg":"\\u0000","httpRequest":{}}',
    b'{"asctime": "2026-01-02 03:04:05,678", "levelname": "WARNING", "message": "x", "exc_info": "T\\n"}',
    b'{"a":' * 60 + b"1" + b"}" * 60,
)


@given(st.sampled_from(sorted(FORMATS)), damaged(LINES))
def test_a_damaged_line_is_a_record_or_has_a_reason(kind: str, line: bytes) -> None:
    found = read(kind, line or b"x")
    if isinstance(found, Rejected):
        assert found.reason
        assert not found.reason.startswith("cannot be read:"), found
        return
    assert len(found.entry) < 64 * 1024
    assert 0 <= found.timestamp <= LATEST
    assert isinstance(json.loads(found.entry), dict)


@given(st.lists(damaged(LINES), min_size=1, max_size=5))
def test_lines_are_of_a_known_format_or_of_none(lines: list[bytes]) -> None:
    objects = [found for found in map(_object, lines) if found is not None]
    recognised = recognise(objects)
    assert recognised is None or recognised in FORMATS.values()


def _object(line: bytes) -> dict[str, object] | None:
    try:
        return parse_object(line)
    except ValueError:
        return None


def test_what_is_damaged_here_was_sound() -> None:
    """The targets' own check."""
    for whole in (NOTE, EMPTY):
        note = SignedNote.parse(whole)
        assert note.verify([KEY.verifier]) == (KEY.verifier,)
        assert str(Checkpoint.parse(note.text)) == note.text
