"""The parts of a record: opened, forgotten with a licence, or altered."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final, TypeAlias

from strongroom.audit.journal.salts import SALT_SIZE
from strongroom.audit.ledger.verify.each import EachRecord
from strongroom.audit.ledger.verify.report import Tally
from strongroom.audit.ledger.verify.rows import Block

IsForgotten: TypeAlias = Callable[[int, str], bool]
"""Whether a record in the ledger says that this part of the record with this number was forgotten."""

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")


def nothing_forgotten(_seq: int, _part: str) -> bool:
    """No record licenses a missing part."""
    return False


def parts(is_forgotten: IsForgotten) -> EachRecord:
    """Each part, with its salt, has the digest that the entry says."""
    tally = Tally("parts", "content and network of every record have the digests in its entry")
    return EachRecord(tally, _all_opened, lambda block, place: _why(block, place, is_forgotten))


def _all_opened(block: Block) -> bool:
    records: list[Any] = block.records
    digests = [record["parts"] for record in records]
    return (
        set(map(len, digests)) == {2}
        and set(map(len, block.content_salts)) == {SALT_SIZE}
        and set(map(len, block.network_salts)) == {SALT_SIZE}
        and _digests(block.content_salts, block.contents)
        == [digest["content"] for digest in digests]
        and _digests(block.network_salts, block.networks)
        == [digest["network"] for digest in digests]
    )


def _digests(salts: Sequence[bytes], contents: Sequence[bytes]) -> list[str]:
    """As :func:`~strongroom.audit.journal.stored.part_digest`, without a call for each."""
    digest, encode, table = sha256, b2a_base64, _TO_URL
    return [
        encode(digest(salt + content).digest(), newline=False).translate(table, b"=").decode()
        for salt, content in zip(salts, contents, strict=True)
    ]


def _why(block: Block, place: int, is_forgotten: IsForgotten) -> str | None:
    record = block.records[place]
    digests = None if record is None else record.get("parts")
    if not isinstance(digests, dict) or digests.keys() != {"content", "network"}:
        return "the entry does not have the digests of its two parts"
    found = (
        ("content", block.contents[place], block.content_salts[place]),
        ("network", block.networks[place], block.network_salts[place]),
    )
    for name, part, salt in found:
        if part is None and salt is None:
            if not is_forgotten(block.seqs[place], name):
                return f"the part {name} is gone, and no record says that it was forgotten"
        elif (
            type(part) is not bytes
            or type(salt) is not bytes
            or len(salt) != SALT_SIZE
            or _digests([salt], [part]) != [digests[name]]
        ):
            return f"the part {name} or its salt was altered"
    return None
