"""The interface of a wire protocol, and the values that it reads and writes: heads of requests, and replies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tusd_py.domain.intents import Intent
from tusd_py.domain.refusals import Refusal
from tusd_py.domain.upload import Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHead:
    """A request without its body. `method` is the effective one: X-HTTP-Method-Override is applied."""

    method: str
    on_upload: bool
    """True for the URL of an upload, False for the creation endpoint."""
    headers: Mapping[str, str]
    """Case-insensitive (`multidict.CIMultiDictProxy` fits)."""
    content_length: int | None
    """The body's length as framed: 0 without a body, None if it is chunked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response whose body, if it has one, is a short text."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None


class Wire(Protocol):
    """The adapter of a wire protocol: it reads the intent of a request, and writes the replies."""

    @property
    def common_headers(self) -> Mapping[str, str]:
        """The header fields of every response to a request in this protocol (but OPTIONS), also of aiohttp's errors."""

    @property
    def answers_interrupted(self) -> bool:
        """True if a request that the server breaks off is answered with an error; False if its connection is closed
        without an answer, after which the client resumes."""

    @property
    def shows_content(self) -> bool:
        """True if the reply to HEAD of a finished upload that isn't partial also has the header fields of a download,
        if the caller may download it: the client named no protocol."""

    @property
    def inspects_by_get(self) -> bool:
        """True if GET of an upload that can't be downloaded yet is answered as HEAD is."""

    @property
    def locates_appended(self) -> bool:
        """True if the reply to an append may have the upload's URL: then a request from which no URL can be made, for
        example as its Host is malformed, is refused before its bytes are taken."""

    def read(self, head: RequestHead) -> Intent:
        """Return the intent of the request. Raises Refusal."""

    def created(self, upload: Upload, location: str, *, with_body: bool) -> Reply:
        """Return the reply to a creation; `location` is the upload's URL. `with_body` is True if the intent has a body
        (`Create.body`), perhaps without bytes: then the reply has the offset."""

    def inspected(self, upload: Upload, base_path: str) -> Reply:
        """Return the reply to a request for the upload's offset. `base_path` is the creation endpoint's path as the
        request has it, with a slash at its end."""

    def download_fields(self, upload: Upload) -> Mapping[str, str]:
        """Return header fields about the upload for a download, in addition to those of HTTP."""

    def appended(self, upload: Upload, locate: Callable[[], str]) -> Reply:
        """Return the reply to an append, whose bytes are recorded up to `upload.offset`. `locate` returns the upload's
        URL."""

    def terminated(self) -> Reply:
        """Return the reply to a termination."""

    def started(self, upload: Upload, location: str) -> Reply | None:
        """Return the interim response to send before the bytes of a new upload are taken; None to send none."""

    def progressed(self, upload: Upload) -> Reply | None:
        """Return the interim response to send while bytes are taken; None to send none."""

    def refuse(self, refusal: Refusal, head: RequestHead) -> Reply:
        """Return the reply to a refused request, with this protocol's status and header fields."""
