"""Contents that clients send."""

from __future__ import annotations

from random import Random


def content(length: int) -> bytes:
    return Random(length).randbytes(length)
