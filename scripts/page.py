"""Builds the page that people upload with: `ui/`, bundled into the package. Needs Node, and npm's packages."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.node import npm, run

PROJECT = Path(__file__).parents[1] / "ui"
BUILT = Path(__file__).parents[1] / "tusd_py" / "ui"


def main() -> int:
    """The exit code of what fails first."""
    installed = (PROJECT / "node_modules").exists() or run(PROJECT, *npm(), "ci", "--omit=dev") == 0
    return run(PROJECT, "node", "build.mjs", BUILT) if installed else 1


if __name__ == "__main__":
    sys.exit(main())
