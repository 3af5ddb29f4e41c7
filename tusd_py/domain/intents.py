"""The intents of requests, in terms that all wire protocols share.

The adapter of a wire protocol, a handler or a use case makes the intent of a request. Rights (`domain/rights.py`) and
rules (`domain/rules.py`, `domain/direct_rules.py`) judge it before it is carried out.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from tusd_py.domain.digest import Checksum, WholeDigest
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.upload import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body with bytes for the upload, perhaps none, as its sender announces it before the first byte."""

    length: int | None
    """The number of bytes by Content-Length; None if none is declared: for a chunked body, a file of a form, or bytes
    that a job makes."""
    checksum: Checksum | None = None


class Completion(enum.Enum):
    """A request's statement of when the upload is complete."""

    WHEN_FULL = "when full"
    """Once all bytes of the declared length are recorded: in tus, and in IETF drafts up to -05 for a request that says
    that more is to come."""
    WITH_THIS = "with this"
    """With this request, whose body is the rest of the upload."""
    NOT_YET = "not yet"
    """Not with this request, even if its body reaches the declared length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """A request to create an upload, perhaps with its first bytes."""

    kind: Kind = Kind.REGULAR
    length: int | None = None
    """The upload's length, if a header field declares it; None for a deferred length, for one that follows from a body
    that is the rest of the upload, and for a final upload (whose length follows from its partials)."""
    metadata: Metadata = field(default_factory=dict)
    partials: tuple[str, ...] = ()
    """For a final upload: the URLs, names or ids of its partial uploads, as the client sent them."""
    endpoint: str = ""
    """For a final upload: the creation endpoint's absolute URL as the client sees it, with a slash at its end, below
    which the client names partial uploads. Empty until the HTTP handler has set it, and for other uploads."""
    body: Body | None = None
    completion: Completion = Completion.WHEN_FULL
    whole: WholeDigest | None = None
    unresumable: bool = False
    """True if all bytes come with this request, or from a job: if that is cut, nothing remains (`Upload.unresumable`).
    """
    strict: bool = False
    """True for an IETF client: bytes past the upload's length are refused as InconsistentLength, not as TooLarge. In
    both cases they end the upload (IETF, 4.4.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspect:
    """A request for the offset of an upload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """A request to add bytes at `offset`."""

    offset: int
    length: int | None = None
    """The upload's length, if a header field of this request declares it; None even if its body is the rest of the
    upload."""
    body: Body
    completion: Completion = Completion.WHEN_FULL
    whole: WholeDigest | None = None
    strict: bool = False
    """True for an IETF client: bytes past the length of an unfinished upload end the upload (IETF, 4.4.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminate:
    """A request to end the upload and remove all that the storage has of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A request to be told of the upload's changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A request of a watching client to pause the upload, or to end its pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """A request to create an upload whose client sends the bytes straight to the storage."""

    mode: DirectMode
    length: int | None = None
    """None if the client doesn't declare the length, as Uppy doesn't unless configured to."""
    metadata: Metadata = field(default_factory=dict)
    typed: bool = False
    """True if a type and a name that the settings restrict must be declared now, since no later request can declare
    them. With the mode WHOLE they must in any case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continue:
    """A request to continue an upload whose client sends the bytes straight to the storage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A request for the bytes of a finished upload."""

    linked: bool = False
    """True if the request's URL is the upload's reading link: it needs no credential then, as the server gives the link
    only to callers with the right to read."""


Intent = Create | Inspect | Append | Terminate | Watch | Pause | Begin | Continue | Read
