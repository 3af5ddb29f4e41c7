"""The lock of an upload, and how soon a client that asks for it has an answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

WITHIN = 8.0
"""Seconds within which a writer must give up its lock, on a busy machine too. A writer that kept the lock would exceed
them: it renews the lock while it lives, and a request that waits for the lock is refused only after ten seconds."""


@contextmanager
def making_way() -> Iterator[None]:
    """Fail if the block takes `WITHIN` (8) seconds or more. The block asks for the lock that a writer holds whose
    client has fallen silent; it should transfer little, as only the wait for the lock is to be measured."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < WITHIN
