"""The anchor: the newest checkpoint that was signed, kept where the database's owner need not come.

Whoever can write the database can write all of it anew, and take away whatever was signed of it. The
anchor lies beside the key instead, so such a ledger is no longer signed. A crash between a commit
and the anchor leaves an older one, which any ledger that goes on from it fulfils as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from strongroom.audit.ledger.whole import replace_whole
from strongroom.audit.merkle import (
    Checkpoint,
    Malformed,
    SignedNote,
    Unproven,
    VerifierKey,
    verify_checkpoint,
)
from strongroom.errors import Corrupt, SettingsError


class Anchor:
    """What this process signed last, and what the file says was. For one thread.

    :param path: the file, a signed note (C2SP tlog-checkpoint), mode 0600; None for no file
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._newest: Checkpoint | None = None
        self._kept: int | None = None

    def check(
        self, keys: Sequence[VerifierKey], size: int, root_at: Callable[[int], bytes]
    ) -> None:
        """Whether the ledger goes on from what was signed.

        :param keys: that the ledger is or was signed with
        :param size: records of the journal
        :param root_at: the root of its first so many records
        :raises Corrupt: when it does not, saying what to do
        :raises SettingsError: when the file cannot be read
        """
        read = self._read(keys)
        self._kept = None if read is None else read.size
        for head in (read, self._newest):
            if head is None:
                continue
            if head.size > size:
                raise Corrupt(
                    f"{head.size:,} records were signed, but the journal has {size:,}: it was cut, "
                    f"or taken back to an older state. {self._advice}"
                )
            if root_at(head.size) != head.root:
                raise Corrupt(
                    f"the first {head.size:,} records are not those that were signed: they were "
                    f"written anew. {self._advice}"
                )

    def keep(self, note: SignedNote) -> None:
        """Remember that this was signed; durable when it returns. Does nothing if it is known.

        :raises SettingsError: when the file cannot be written
        """
        head = self._newest = Checkpoint.parse(note.text)
        if self._path is None or (self._kept is not None and self._kept >= head.size):
            return
        try:
            replace_whole(self._path, note.to_bytes(), 0o600)
        except OSError as error:
            raise SettingsError(
                f"ledger_key: {self._path}, which keeps what was signed last, cannot be written: "
                f"{error.strerror or error}. Let the server write in that folder"
            ) from None
        self._kept = head.size

    def _read(self, keys: Sequence[VerifierKey]) -> Checkpoint | None:
        if self._path is None:
            return None
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SettingsError(
                f"ledger_key: {self._path}, which keeps what was signed last, cannot be read: "
                f"{error.strerror or error}"
            ) from None
        try:
            return verify_checkpoint(SignedNote.parse(content), keys)
        except (Malformed, Unproven, ValueError) as error:
            raise Corrupt(
                f"{self._path} is no checkpoint that a key of this ledger has signed: {error}. "
                f"{self._advice}"
            ) from None

    @property
    def _advice(self) -> str:
        step = "" if self._path is None else f"remove {self._path} "
        return (
            "Nothing was signed. If you put back a backup on purpose, stop the server, "
            f"{step}and start it again; a copy of the checkpoint held elsewhere will show it"
        )
