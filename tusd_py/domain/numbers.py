"""Integers as clients write them."""

from __future__ import annotations

import re

from tusd_py.domain.refusals import Malformed

_INTEGER = re.compile(r"[0-9]{1,18}")  # 18 digits fit a signed 64-bit integer


def parse_integer(name: str, text: str | None) -> int:
    """Return `text`, the value that a client sends under `name`, as an integer. Raises Malformed unless it is 1 to 18
    ASCII digits (tus 1.0, Headers), also if it is None: the value is required."""
    if text is None:
        raise Malformed(f"{name} is missing")
    if not _INTEGER.fullmatch(text):
        raise Malformed(f"{name} must be a non-negative integer")
    return int(text)
