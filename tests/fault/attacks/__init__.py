"""Every way tried to alter a ledgered database unseen, and which check must notice.

Each attack is a row of docs/design/tamper-matrix.md.
"""

from __future__ import annotations

from types import ModuleType

from tests.fault.attacks import ledger, records, single_bytes, whole
from tests.fault.attacks.attack import Attack
from tests.fault.attacks.single_bytes import SMALL


def _of(*modules: ModuleType) -> list[Attack]:
    return [
        value for module in modules for value in vars(module).values() if isinstance(value, Attack)
    ]


LARGE = _of(single_bytes, records, ledger, whole)

__all__ = ["LARGE", "SMALL", "Attack"]
