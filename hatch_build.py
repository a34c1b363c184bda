"""Hatchling's build hook: puts the bundled scripts and style sheets into the wheel.

The work itself is frontend/build.py's; this only says when, and which files came of it.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from types import ModuleType


class CustomBuildHook(BuildHookInterface[Any]):
    """Runs for wheels, editable ones included; a source distribution carries the sources alone."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask pip for a Node.js, but only where the machine has none."""
        requirements: list[str] = self._assets().requirements()
        return requirements

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling's signature
        """Build the assets and name them: git ignores them, and so would hatchling."""
        assets = self._assets()
        try:
            assets.build()
        except assets.AssetError as error:
            self.app.abort(f"error: {error}")
        root = Path(self.root)
        build_data["artifacts"] += [
            f"/{file.relative_to(root).as_posix()}" for file in assets.outputs()
        ]

    def _assets(self) -> ModuleType:
        """Load frontend/build.py, which is a script beside the package and in no import path."""
        name = "strongroom_frontend_build"
        if name not in sys.modules:
            path = Path(self.root, "frontend", "build.py")
            spec = importlib.util.spec_from_file_location(name, path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module  # dataclasses look their module up there
            spec.loader.exec_module(module)
        return sys.modules[name]
