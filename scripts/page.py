"""The build of the upload page: bundles `ui/` into the package. Needs Node.js, and installs npm's packages if none are
there."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.node import npm, run

PROJECT = Path(__file__).parents[1] / "ui"
BUILT = Path(__file__).parents[1] / "tusd_py" / "ui"


def main() -> int:
    """Build the page; return the exit code of its build, or 1 if npm's packages can't be installed."""
    installed = (PROJECT / "node_modules").exists() or run(PROJECT, *npm(), "ci", "--omit=dev") == 0
    return run(PROJECT, "node", "build.mjs", BUILT) if installed else 1


if __name__ == "__main__":
    sys.exit(main())
