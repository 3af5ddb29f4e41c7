"""The lock of an upload, and how soon a client that asks for it has an answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

WITHIN = 8.0
"""Seconds within which the lock must be given up, on a busy machine too. The limit can show a writer that keeps its
lock: it renews the lock while it lives, and a client that waits for the lock is refused after ten."""


@contextmanager
def making_way() -> Iterator[None]:
    """Check that the block ends within `WITHIN`: it asks for the lock of a writer that has fallen silent. The block
    should transfer little, as only the wait for the lock is to be measured."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < WITHIN
