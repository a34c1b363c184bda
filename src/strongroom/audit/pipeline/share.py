"""How much of a whole each of its members may have. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def fair_share(wants: Sequence[int], total: int) -> int:
    """The most that one member may have so that all together have no more than ``total``.

    Who wants less than that gets all of it, and what it leaves is for the others.

    :param wants: what each member would take, in any unit
    """
    if sum(wants) <= total:
        return total
    left = len(wants)
    for want in sorted(wants):
        if want * left > total:
            break
        total -= want
        left -= 1
    return total // left
