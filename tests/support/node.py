"""Where the clients that run in Node are, and how npm is told so."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts import node
from scripts.node import environment

__all__ = ["PROJECT", "environment", "npm"]

PROJECT = Path(__file__).parent.parent / "e2e" / "js"
"""Where package.json is and node_modules goes."""


def npm(*arguments: str) -> int:
    """Runs npm in the client tests' project; its exit code."""
    return node.run(PROJECT, *node.npm(), *arguments)


if __name__ == "__main__":
    sys.exit(npm(*sys.argv[1:]))
