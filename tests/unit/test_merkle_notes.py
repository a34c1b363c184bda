"""Signed notes and their keys, against published examples.

Peter's and Enoch's keys and note are those of golang.org/x/mod, ``sumdb/note/note_test.go``
(BSD-3-Clause); the keys are published test keys. ``EXAMPLE`` is that of C2SP signed-note.
"""

from __future__ import annotations

import pytest

from strongroom.audit.merkle import (
    Malformed,
    Signature,
    SignedNote,
    SigningKey,
    Unproven,
    VerifierKey,
)
from strongroom.audit.merkle.notes import MAX_NOTE_BYTES, MAX_SIGNATURES

SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
BY_PETER = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb"
    "6KE6RyyBwJnAM=\n"
)
BY_ENOCH = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33W"
    "Wd1RvMc+QQ=\n"
)

EXAMPLE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncA"
    "lTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"

NOTE = f"{TEXT}\n{BY_PETER}"
peter, enoch = VerifierKey.parse(PETER), VerifierKey.parse(ENOCH)


def parse(text: str) -> SignedNote:
    return SignedNote.parse(text.encode())


def test_the_published_note_is_signed_byte_for_byte() -> None:
    key = SigningKey.parse(SECRET)
    assert SignedNote.sign(TEXT, key).to_bytes() == NOTE.encode()
    assert (str(key.verifier), key.secret_text()) == (PETER, SECRET)


def test_the_published_notes_verify() -> None:
    assert parse(NOTE).verify([peter]) == (peter,)
    example = VerifierKey.parse(EXAMPLE_KEY)
    assert parse(EXAMPLE).verify([peter, example]) == (example,)
    assert str(example) == EXAMPLE_KEY


def test_several_signatures_of_which_some_are_known() -> None:
    note = parse(f"{TEXT}\n{BY_PETER}{BY_ENOCH}")
    assert note.verify([enoch, peter]) == (peter, enoch)
    assert note.verify([enoch, enoch]) == (enoch,)
    assert note.verify([peter]) == (peter,)
    assert note.to_bytes().decode() == f"{TEXT}\n{BY_PETER}{BY_ENOCH}"


def test_two_keys_of_one_name_sign_in_their_order() -> None:
    old, new = (SigningKey("example.com/log", bytes([seed]) * 32) for seed in (1, 2))
    note = SignedNote.sign("text\n", new, old)
    assert note.verify([old.verifier, new.verifier]) == (new.verifier, old.verifier)
    assert note.verify([old.verifier]) == (old.verifier,)


def test_no_known_key_signed() -> None:
    with pytest.raises(Unproven, match=r"but by PeterNeumann\+c74f20a3"):
        parse(NOTE).verify([enoch])
    with pytest.raises(Unproven, match="no known key"):
        parse(NOTE).verify([])


def test_a_key_that_shares_only_name_or_id_is_unknown() -> None:
    signed = SigningKey("somebody", bytes(32))
    note = SignedNote.sign(TEXT, signed)
    (good,) = note.signatures
    by_name = Signature(good.name, b"\0\0\0\0", good.value)
    by_id = Signature("another", good.key_id, good.value)
    assert SignedNote(TEXT, (by_name, good, by_id)).verify([signed.verifier]) == (signed.verifier,)
    with pytest.raises(Unproven, match="no known key"):
        SignedNote(TEXT, (by_name, by_id)).verify([signed.verifier])


def test_a_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    wrong = Signature(enoch.name, enoch.key_id, bytes(64))
    note = SignedNote(TEXT, (*parse(NOTE).signatures, wrong))
    assert note.verify([peter]) == (peter,)
    with pytest.raises(Unproven, match=r"signature of EnochRoot\+af0cfe78 does not fit"):
        note.verify([peter, enoch])
    with pytest.raises(Unproven, match="does not fit the text"):
        SignedNote(TEXT + "more\n", note.signatures[:1]).verify([peter])


def test_a_signature_of_another_length_does_not_fit() -> None:
    (good,) = parse(NOTE).signatures
    for value in (good.value[:-1], good.value + b"x", b"x"):
        with pytest.raises(Unproven, match="does not fit"):
            SignedNote(TEXT, (Signature(good.name, good.key_id, value),)).verify([peter])


def test_signed_twice_by_a_known_key() -> None:
    second = Signature(peter.name, peter.key_id, bytes(64))
    note = SignedNote(TEXT, (*parse(NOTE).signatures, second, *parse(f"\n\n{BY_ENOCH}").signatures))
    assert note.verify([enoch]) == (enoch,)  # what is unknown is ignored, however often it stands
    with pytest.raises(Unproven, match="signed twice by PeterNeumann"):
        note.verify([peter])


def test_two_keys_by_one_name_and_id_cannot_be_told_apart() -> None:
    one, other = (VerifierKey("name", number.to_bytes(32, "big")) for number in (20_305, 53_529))
    assert one.key_id == other.key_id  # found by trying: the id has only 32 bits
    with pytest.raises(ValueError, match=r"two keys go by name\+3311bd8e"):
        parse(NOTE).verify([one, other])


@pytest.mark.parametrize(
    "text",
    ["\n", "\n\n", "a\n\n\n\n", "— name x08go/ZJ\n", "a\n\n— b x08go/ZJ\n\n", "\u2028\x7f\n"],
)
def test_odd_texts_that_a_note_may_have(text: str) -> None:
    note = SignedNote.sign(text, SigningKey.parse(SECRET))
    assert SignedNote.parse(note.to_bytes()) == note
    assert note.verify([peter]) == (peter,)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "newline"),
        (TEXT.encode(), "no blank line"),
        (f"{TEXT}\n".encode(), "no signature"),
        (NOTE[:-1].encode(), "newline"),
        (f"{TEXT}{BY_PETER}".encode(), "no blank line"),
        (f"\n{BY_PETER}".encode(), "no blank line"),
        (f"\x01{NOTE}".encode(), "control character"),
        (NOTE.replace("\n", "\r\n").encode(), "control character"),
        (f"tab\t{NOTE}".encode(), "control character"),
        (f"nul\0{NOTE}".encode(), "control character"),
        (b"\xff" + NOTE.encode(), "UTF-8"),
        (b"\xed\xa0\x80" + NOTE.encode(), "UTF-8"),
        (f"{NOTE}Unexpected line.\n".encode(), "no signature"),
        (f"{NOTE}\n".encode(), "no signature"),
        (NOTE.replace("— ", "- ").encode(), "no signature"),
        (NOTE.replace("— ", "—").encode(), "no signature"),
        (NOTE.replace("PeterNeumann ", "Peter Neumann ").encode(), "not base64"),
        (NOTE.replace("PeterNeumann ", "Peter\u00a0Neumann ").encode(), "space or a plus"),
        (NOTE.replace("PeterNeumann ", "Peter\u2003Neumann ").encode(), "space or a plus"),
        (NOTE.replace("PeterNeumann ", "Peter+Neumann ").encode(), "space or a plus"),
        (NOTE.replace("PeterNeumann ", " ").encode(), "empty"),
        (NOTE.replace("PeterNeumann ", "").encode(), "no signature"),
        (NOTE.replace("nAM=", "nAM").encode(), "not base64"),
        (NOTE.replace("nAM=", "nAN=").encode(), "unusual spelling"),
        (NOTE.replace("nAM=", "nAM= ").encode(), "not base64"),
        (NOTE.replace("x08g", "x0-g").encode(), "not base64"),
        (f"{TEXT}\n— a x08gow==\n".encode(), "too short"),
        (f"{TEXT}\n— a x08g\n".encode(), "too short"),
        (f"{TEXT}\n— a \n".encode(), "too short"),
        (f"{NOTE}{BY_PETER}".encode(), "twice"),
        (b"a" * MAX_NOTE_BYTES + NOTE.encode(), "longer"),
        (f"{TEXT}\n{BY_PETER * (MAX_SIGNATURES + 1)}".encode(), "signatures, not 101"),
    ],
)
def test_what_is_no_note(data: bytes, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        SignedNote.parse(data)


def test_as_many_signatures_as_are_allowed() -> None:
    keys = [SigningKey(f"key{seed}", bytes([seed]) * 32) for seed in range(MAX_SIGNATURES)]
    note = SignedNote.parse(SignedNote.sign(TEXT, *keys).to_bytes())
    assert note.verify(key.verifier for key in keys) == tuple(key.verifier for key in keys)


@pytest.mark.parametrize("text", ["", "no newline", "\x1b[31m\n", "\ud800\n", "\r\n"])
def test_what_cannot_be_signed(text: str) -> None:
    with pytest.raises(Malformed):
        SignedNote.sign(text, SigningKey.parse(SECRET))


def test_a_note_needs_a_signature() -> None:
    with pytest.raises(Malformed, match="not 0"):
        SignedNote(TEXT, ())


@pytest.mark.parametrize("key", [PETER, SECRET])
def test_no_part_and_no_misprint_of_a_key_passes(key: str) -> None:
    parser = SigningKey.parse if key is SECRET else VerifierKey.parse
    parser(key)
    parts = {key[start:end] for start in range(len(key)) for end in range(start, len(key) + 1)}
    misprints = {key[:at] + chr(ord(key[at]) + 1) + key[at + 1 :] for at in range(len(key))}
    for text in (parts - {key}) | misprints | {f"{key} ", f"{key}\n", key.upper()}:
        with pytest.raises(Malformed):
            parser(text)


@pytest.mark.parametrize(
    "text",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        PETER.replace("c74f20a3", "C74F20A3"),
        PETER.replace("c74f20a3", "0c74f20a3"),
        PETER.replace("PeterNeumann", ""),
        "++",
        "é" + PETER,
        PETER + "é",
    ],
)
def test_keys_that_go_library_or_specification_refuse(text: str) -> None:
    with pytest.raises(Malformed):
        VerifierKey.parse(text)


def test_a_key_name_that_none_can_have() -> None:
    for name in ("", "a b", "a+b", "a\nb", "a\u3000b", "a\x85b", "\ud800"):
        with pytest.raises(Malformed):
            VerifierKey(name, peter.public)
        with pytest.raises(Malformed):
            SigningKey(name, bytes(32))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length(length: int) -> None:
    with pytest.raises(Malformed):
        VerifierKey("name", bytes(length))
    with pytest.raises(Malformed):
        SigningKey("name", bytes(length))


def test_a_signing_key_does_not_show_itself() -> None:
    key = SigningKey.parse(SECRET)
    secret = SECRET.rpartition("+")[2]
    for shown in (repr(key), str(key)):
        assert "PeterNeumann" in shown
        for spelling in (secret, key.seed.hex(), repr(key.seed)):
            assert spelling not in shown
    with pytest.raises(Malformed) as refused:
        SigningKey.parse(SECRET.replace("c74f20a3", "c74f20a4"))
    assert secret not in str(refused.value)
