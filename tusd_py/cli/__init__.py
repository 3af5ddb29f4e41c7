"""The command line."""

from tusd_py.cli.commands import main

__all__ = ["main"]
