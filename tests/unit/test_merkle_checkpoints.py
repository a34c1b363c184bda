"""Checkpoints: read in one spelling only, believed with the right signature and name only.

``SIGNED`` is ``checkpoint.15`` of the test log of github.com/transparency-dev/tessera
(``testdata/log``, Apache-2.0); ``BEHIND`` the example of C2SP tlog-checkpoint.
"""

from __future__ import annotations

from base64 import b64decode

import pytest

from strongroom.audit.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    Checkpoint,
    Malformed,
    SignedNote,
    SigningKey,
    Unproven,
    VerifierKey,
    verify_checkpoint,
)

ORIGIN = "example.com/log/testdata"
KEY = VerifierKey.parse(f"{ORIGIN}+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")
ROOT = b64decode("rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=")
SIGNED = (
    f"{ORIGIN}\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n\n"
    f"— {ORIGIN} M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dl"
    "PWF74ewI=\n"
).encode()

BEHIND = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
).encode()

B64 = "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs="
OURS = SigningKey("example.com/ours", bytes(32))


def test_the_published_checkpoint_verifies() -> None:
    expected = Checkpoint(ORIGIN, 15, ROOT)
    assert verify_checkpoint(SignedNote.parse(SIGNED), [KEY]) == expected
    assert str(expected) == SignedNote.parse(SIGNED).text


def test_the_published_example_is_read() -> None:
    checkpoint = Checkpoint.parse(SignedNote.parse(BEHIND).text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert SignedNote.parse(BEHIND).to_bytes() == BEHIND


@pytest.mark.parametrize("extensions", [(), ("one",), ("one", "two words", "— three")])
@pytest.mark.parametrize(("size", "root"), [(0, EMPTY_ROOT), (1, ROOT), (MAX_SIZE, ROOT)])
def test_what_was_signed_is_read_again(size: int, root: bytes, extensions: tuple[str, ...]) -> None:
    checkpoint = Checkpoint(OURS.name, size, root, extensions)
    note = SignedNote.parse(checkpoint.sign(OURS).to_bytes())
    assert verify_checkpoint(note, [OURS.verifier]) == checkpoint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "fewer than three"),
        ("log\n15\n", "fewer than three"),
        (f"log\n15\n{B64}", "newline"),
        (f"\n15\n{B64}\n", "origin is empty"),
        (f"log\n\n{B64}\n", "size is not a decimal"),
        (f"log\n015\n{B64}\n", "size is not a decimal"),
        (f"log\n00\n{B64}\n", "size is not a decimal"),
        (f"log\n+15\n{B64}\n", "size is not a decimal"),
        (f"log\n-1\n{B64}\n", "size is not a decimal"),
        (f"log\n 15\n{B64}\n", "size is not a decimal"),
        (f"log\n1_5\n{B64}\n", "size is not a decimal"),
        (f"log\n0xf\n{B64}\n", "size is not a decimal"),
        (f"log\n\u0661\u0665\n{B64}\n", "size is not a decimal"),
        (f"log\n15²\n{B64}\n", "size is not a decimal"),
        (f"log\n{MAX_SIZE + 1}\n{B64}\n", "size is larger"),
        (f"log\n{'9' * 5000}\n{B64}\n", "size is larger"),
        (f"log\n15\n{B64[:-1]}\n", "root is not base64"),
        (f"log\n15\n{B64}=\n", "root is not base64|unusual"),
        (f"log\n15\n{B64[:-2]}t=\n", "unusual spelling"),
        (f"log\n15\n {B64}\n", "root is not base64"),
        (f"log\n15\n{B64.replace('/', '_')}\n", "root is not base64"),
        ("log\n15\n\n", "root has 0 bytes"),
        ("log\n15\nAAAA\n", "root has 3 bytes"),
        (f"log\n0\n{B64}\n", "not that of an empty tree"),
        (f"log\n15\n{B64}\n\n", "extension line of the checkpoint is empty"),
        (f"log\n15\n{B64}\none\n\ntwo\n", "extension line of the checkpoint is empty"),
        (f"log\r\n15\n{B64}\n", "control character"),
        (f"log\n15\n{B64}\nto\x1bne\n", "control character"),
    ],
)
def test_what_is_no_checkpoint(text: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        Checkpoint.parse(text)


def test_values_that_cannot_be_written() -> None:
    for origin, size, root, extensions in (
        ("two\nlines", 1, ROOT, ()),
        ("log", -1, ROOT, ()),
        ("log", MAX_SIZE + 1, ROOT, ()),
        ("log", 1, ROOT[:31], ()),
        ("log", 1, ROOT, ("",)),
        ("log", 1, ROOT, ("two\nlines",)),
    ):
        with pytest.raises(Malformed):
            Checkpoint(origin, size, root, extensions)


def test_a_checkpoint_of_another_log_is_refused() -> None:
    note = Checkpoint("example.com/theirs", 15, ROOT).sign(OURS)
    with pytest.raises(Unproven, match=r"of the log example.com/theirs, not of example.com/ours"):
        verify_checkpoint(note, [OURS.verifier])
    checkpoint = verify_checkpoint(note, [OURS.verifier], origin="example.com/theirs")
    assert checkpoint.origin == "example.com/theirs"
    with pytest.raises(Unproven, match=r"not of example.com/another"):
        verify_checkpoint(note, [OURS.verifier], origin="example.com/another")


def test_only_a_key_that_signed_lends_its_name() -> None:
    note = Checkpoint("example.com/theirs", 15, ROOT).sign(OURS)
    theirs = SigningKey("example.com/theirs", bytes(32))
    with pytest.raises(Unproven, match=r"not of example.com/ours"):
        verify_checkpoint(note, [OURS.verifier, theirs.verifier])


def test_signed_by_the_old_and_the_new_key() -> None:
    new = SigningKey(OURS.name, b"\x01" * 32)
    note = Checkpoint(OURS.name, 15, ROOT).sign(new, OURS)
    for keys in ([OURS.verifier], [new.verifier], [OURS.verifier, new.verifier]):
        assert verify_checkpoint(note, keys).root == ROOT


def test_a_signed_text_that_is_no_checkpoint() -> None:
    with pytest.raises(Malformed, match="fewer than three"):
        verify_checkpoint(SignedNote.sign("hello\n", OURS), [OURS.verifier])
