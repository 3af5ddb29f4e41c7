"""The turn to write an upload, and how soon a client that asks for it has an answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

WITHIN = 8.0
"""Seconds, on a busy machine too. A writer that makes no way renews its turn while it lives, and the client that waits
is sent away after ten."""


@contextmanager
def making_way() -> Iterator[None]:
    """A block that asks for the turn of a writer who has fallen silent. It had better transfer little: no more than the
    turn is to be measured."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < WITHIN
