"""The build of the upload page: bundles `ui/` into the package. Needs Node.js and npm's packages."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.node import npm, run

PROJECT = Path(__file__).parents[1] / "ui"
BUILT = Path(__file__).parents[1] / "tusd_py" / "ui"


def main() -> int:
    """Build the page, and return the exit code of the first command that fails, or 0."""
    installed = (PROJECT / "node_modules").exists() or run(PROJECT, *npm(), "ci", "--omit=dev") == 0
    return run(PROJECT, "node", "build.mjs", BUILT) if installed else 1


if __name__ == "__main__":
    sys.exit(main())
