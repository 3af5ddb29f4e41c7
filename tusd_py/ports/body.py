"""The port to a request body: its chunks, and the reason why they ended."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator
from typing import Protocol

Chunk = bytes | memoryview
"""Bytes as they arrive. The memory behind a view is not written to any more."""


class BodyEnd(enum.Enum):
    """The reason why no more chunks come. The chunks before it are valid in each case."""

    COMPLETE = "complete"
    CUT = "cut"
    """The client disconnected before the end, or sent a body that can't be decoded."""
    IDLE = "idle"
    """No bytes arrived for too long, or they arrived too slowly."""
    STOPPED = "stopped"
    """`Body.stop` was called: another request wants the lock, the lease is lost, a hook ends the upload, or the server
    shuts down."""
    TOO_LONG = "too long"
    """The body is longer than `max_bytes`; the chunk that passes them was not yielded."""


class Body(Protocol):
    """The bytes of a request's body, of one file in a form, or of an upload that this server makes."""

    def chunks(self, max_bytes: int | None) -> AsyncIterator[Chunk]:
        """Yield at most `max_bytes` bytes (None: no limit) as they arrive. The first step sends 100 (Continue) if the
        client expects that; it raises ConnectionError if the client is gone by then.

        For a file in a form, raises Refusal if the form is refused, BodyCut (`http.form_body`) if the request ends
        early; for an upload that this server makes, what the maker of its bytes raises.
        """

    @property
    def end(self) -> BodyEnd:
        """The reason why the chunks ended; valid once `chunks` is exhausted."""

    def stop(self) -> None:
        """End `chunks` soon, once it has yielded the bytes that have arrived; for a file in a form, it then raises
        BodyCut, unless all of the form has arrived. For an upload that this server makes, end `chunks` at the next
        chunk, which is dropped."""
