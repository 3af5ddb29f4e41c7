"""The names of uploads that hooks and tokens choose, in place of their ids."""

from __future__ import annotations

import re

_LONGEST = 255
_CHARACTERS = re.compile(r"[A-Za-z0-9\-_.~/]+")
_ID = re.compile(r"[0-9a-f]{32}")
_RESERVED = ("read", "s3")
"""First segments of paths below the creation endpoint that aren't uploads."""
_SUFFIXES = ("events", "socket", "status")
"""Last segments of paths below an upload."""


def check_name(name: str) -> str:
    """Return the name: the path of an upload below the creation endpoint. Raises ValueError."""
    segments = name.split("/")
    if len(name) > _LONGEST or not _CHARACTERS.fullmatch(name) or {"", ".", ".."} & set(segments):
        raise ValueError("a name has 1 to 255 characters of A-Z a-z 0-9 - _ . ~ /, and no empty, . or .. segment")
    if _ID.fullmatch(name):
        raise ValueError("a name doesn't look like an id: 32 hex digits")
    if len(segments) > 1 and (segments[0] in _RESERVED or segments[-1] in _SUFFIXES):
        raise ValueError("a name doesn't begin with read/ or s3/, nor end in /events, /socket or /status")
    if segments[0].startswith(".tusd-py"):
        raise ValueError("a name doesn't begin with .tusd-py")
    return name
