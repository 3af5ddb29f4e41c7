"""The intents of requests, in terms that all wire protocols share.

The adapter of a wire protocol makes an intent of a request, `rules` judges the intent, and the engine carries it out.
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
    """A request body with bytes of the upload."""

    length: int | None
    """Content-Length; None for a chunked body."""
    checksum: Checksum | None = None


class Completion(enum.Enum):
    """A request's statement of when the upload is complete."""

    WHEN_FULL = "when full"
    """Once all bytes of the declared length are recorded: tus, and early drafts of the IETF's protocol."""
    WITH_THIS = "with this"
    """With this request, whose body is the rest of the upload."""
    NOT_YET = "not yet"
    """Not with this request, even if its body reaches the declared length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """A request to create an upload, perhaps with its first bytes."""

    kind: Kind = Kind.REGULAR
    length: int | None = None
    """None for a deferred length, or a final upload (whose length follows from its partials)."""
    metadata: Metadata = field(default_factory=dict)
    partials: tuple[str, ...] = ()
    """For a final upload: the URLs, names or ids of its partial uploads, as the client sent them."""
    endpoint: str = ""
    """For a final upload: the creation endpoint's absolute URL as the client sees it, with a slash at its end, below
    which it names partial uploads; empty if that is unknown."""
    body: Body | None = None
    completion: Completion = Completion.WHEN_FULL
    whole: WholeDigest | None = None
    unresumable: bool = False
    """True if the client can't resume the upload: if this request is cut, nothing remains (`Upload.unresumable`)."""
    strict: bool = False
    """True if bytes past the upload's length terminate it (IETF, 4.4.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspect:
    """A request for the offset of an upload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """A request to add bytes at `offset`."""

    offset: int
    length: int | None = None
    """The upload's length, if this request declares it."""
    body: Body
    completion: Completion = Completion.WHEN_FULL
    whole: WholeDigest | None = None
    strict: bool = False
    """True if bytes past the upload's length terminate it (IETF, 4.4.2)."""


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
    """True if the metadata must declare an allowed type now, since no later request can declare it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continue:
    """A request to continue an upload whose client sends the bytes straight to the storage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A request for the bytes of a finished upload."""

    linked: bool = False
    """True if the request is for the upload's reading link, which only callers with the right to read get."""


Intent = Create | Inspect | Append | Terminate | Watch | Pause | Begin | Continue | Read
