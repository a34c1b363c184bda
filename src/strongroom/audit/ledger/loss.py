"""What this machine knows of signing keys that were lost: a file of its own beside the key.

Nobody can sign a hand-over with a key that is gone. That the next key is right nevertheless is for
whoever verifies to decide; this machine's own verifications are told by its administrator, with
``strongroom ledger rotate --lost``. It is not in the database, whose every row a forger could write.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from strongroom.audit.ledger.keyfile import PRIVATE
from strongroom.audit.merkle import Malformed, VerifierKey
from strongroom.errors import SettingsError


def lost_keys(path: Path) -> Sequence[VerifierKey]:
    """The verifier keys that were lost and those that came in their places; often none.

    :param path: of the signing key's file
    :raises SettingsError: when the file cannot be read
    """
    if str(path).startswith(PRIVATE):
        return ()  # the setting is the key itself: there is no place beside it
    beside = _beside(path)
    try:
        return [VerifierKey.parse(line) for line in beside.read_text("utf-8").splitlines()]
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, Malformed) as error:
        raise SettingsError(f"ledger_key: {beside} cannot be read: {error}") from None


def note_loss(path: Path, old: VerifierKey, new: VerifierKey) -> None:
    """Note that one key was lost and the other came in its place; durable when it returns.

    :param path: of the signing key's file
    :raises SettingsError: when what was noted before cannot be read
    :raises OSError: when it cannot be written
    """
    known = [*lost_keys(path)]
    known += [key for key in (old, new) if key not in known]
    draft = _beside(path).with_name(f".{_beside(path).name}.draft")
    with draft.open("w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write("".join(f"{key}\n" for key in known))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(_beside(path))


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.lost")
