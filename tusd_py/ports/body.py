"""A request body as the engine sees it: chunks, and how they came to an end."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator
from typing import Protocol

Chunk = bytes | memoryview
"""Bytes as they arrive. A view is of memory that nobody writes to any more."""


class BodyEnd(enum.Enum):
    """Why no more chunks come. Whatever came before is the same good bytes in each case."""

    COMPLETE = "complete"
    CUT = "cut"
    """The client went away in the middle."""
    IDLE = "idle"
    """Nothing came for too long."""
    STOPPED = "stopped"
    """Somebody asked for it: another request wants the upload, or the server is closing."""
    TOO_LONG = "too long"
    """There were more bytes than there is room for; the surplus was not handed out."""


class Body(Protocol):
    """The bytes of one request."""

    def chunks(self, room: int | None) -> AsyncIterator[Chunk]:
        """At most `room` bytes, as they arrive. The client is told to go on (100 Continue) when this begins."""

    @property
    def end(self) -> BodyEnd:
        """How it ended, once `chunks` is through."""

    def stop(self) -> None:
        """Come to an end soon, with all that has arrived."""
