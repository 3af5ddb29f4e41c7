"""What every wire protocol must be able to do, and the two plain values it trades in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tusd_py.domain.intents import Intent
from tusd_py.domain.refusals import Refusal
from tusd_py.domain.upload import Upload


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
    """One wire protocol: reads intents, writes answers."""

    @property
    def marks(self) -> Mapping[str, str]:
        """What every response to such a request carries, be it ours or the framework's."""

    @property
    def answers_interrupted(self) -> bool:
        """A request that we break off is told why; else its connection ends, and its client asks how far it got."""

    @property
    def shows_content(self) -> bool:
        """HEAD of a finished upload tells what a download would, besides: no protocol was named."""

    @property
    def tells_by_get(self) -> bool:
        """GET of an upload that can't be downloaded yet is answered as HEAD is."""

    def read(self, head: RequestHead) -> Intent:
        """What the request wants. Raises Refusal."""

    def created(self, upload: Upload, location: str, *, with_body: bool) -> Reply:
        """The upload exists; `with_body` when the request brought bytes (its offset is then told)."""

    def inspected(self, upload: Upload, base_path: str) -> Reply:
        """Where the upload is."""

    def beside_content(self, upload: Upload) -> Mapping[str, str]:
        """What a download tells of the upload, besides what HTTP does."""

    def appended(self, upload: Upload, locate: Callable[[], str]) -> Reply:
        """The bytes are recorded up to `upload.offset`. `locate` tells the upload's URL."""

    def terminated(self) -> Reply:
        """The upload is gone."""

    def begun(self, upload: Upload, location: str) -> Reply | None:
        """To be told before the bytes of a new upload are taken; None for nothing."""

    def moved(self, upload: Upload) -> Reply | None:
        """To be told while they are taken; None for nothing."""

    def refuse(self, refusal: Refusal, head: RequestHead) -> Reply:
        """Why not, with this protocol's status and headers."""
