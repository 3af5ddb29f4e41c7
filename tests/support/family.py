"""Processes that end with the one that started them, however that one ends."""

from __future__ import annotations

import shutil

_SETPRIV = shutil.which("setpriv")


def mortal(*command: str) -> tuple[str, ...]:
    """`command`, so that a test run that is killed leaves no server behind; without setpriv(1) as it is."""
    return command if _SETPRIV is None else (_SETPRIV, "--pdeathsig", "KILL", *command)
