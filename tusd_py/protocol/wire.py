"""What every wire protocol must be able to do, and the two plain values it trades in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tusd_py.model import Upload
from tusd_py.protocol.intents import Intent
from tusd_py.protocol.refusals import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHead:
    """A request without its body. `method` is the one meant: X-HTTP-Method-Override is already applied."""

    method: str
    on_upload: bool
    """True for the URL of an upload, False for the creation endpoint."""
    headers: Mapping[str, str]
    """Case-insensitive (`multidict.CIMultiDictProxy` fits)."""
    content_length: int | None
    """As framed: 0 when there is no body at all, None when the body is chunked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response whose body, if any, is a short text."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None


class Wire(Protocol):
    """One wire protocol: reads intents, writes answers. `now` is seconds since the epoch."""

    def read(self, head: RequestHead) -> Intent:
        """What the request wants. Raises Refusal."""

    def created(self, upload: Upload, location: str, *, with_body: bool) -> Reply:
        """The upload exists; `with_body` when the request brought bytes (its offset is then told)."""

    def inspected(self, upload: Upload, base_path: str) -> Reply:
        """Where the upload is."""

    def appended(self, upload: Upload) -> Reply:
        """The bytes are recorded up to `upload.offset`."""

    def terminated(self) -> Reply:
        """The upload is gone."""

    def refuse(self, refusal: Refusal, head: RequestHead) -> Reply:
        """Why not, with this protocol's status and headers."""
