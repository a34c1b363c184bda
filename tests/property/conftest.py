"""How Hypothesis runs here: no deadlines, since a slow machine is no defect."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("strongroom", deadline=None, print_blob=True)
settings.load_profile("strongroom")
