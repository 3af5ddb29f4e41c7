"""What a request wants, in words both protocols share. Read by a wire, judged by `rules`, done by the engine."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from tusd_py.domain.upload import Direct, Kind, Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """The digest a request announces for its own body."""

    algorithm: str
    """Lower case, one of `headers.CHECKSUM_ALGORITHMS`."""
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A request body with upload bytes in it."""

    length: int | None
    """From Content-Length; None when chunked."""
    checksum: Checksum | None = None


class Completion(enum.Enum):
    """When the upload is complete, as this request sees it."""

    WHEN_FULL = "when full"
    """Once all bytes of its length are there: tus, and early drafts of the IETF's protocol."""
    WITH_THIS = "with this"
    """This body is all that was missing."""
    NOT_YET = "not yet"
    """Not with this request, be the length reached or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What a client wants to know, or announces, of all bytes of an upload."""

    algorithm: str
    """`sha256` or `sha512`."""
    digest: str | None = None
    """In hex, if it is announced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Make an upload, and perhaps bring its first bytes."""

    kind: Kind = Kind.REGULAR
    length: int | None = None
    """None is a deferred length, or a final upload (whose length follows from its partials)."""
    metadata: Metadata = field(default_factory=dict)
    partials: tuple[str, ...] = ()
    """For a final upload: the URLs or ids as sent, unresolved."""
    body: Body | None = None
    completion: Completion = Completion.WHEN_FULL
    whole: Whole | None = None
    strict: bool = False
    """Bytes past the upload's length end it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspect:
    """Tell the offset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Add bytes at `offset`."""

    offset: int
    length: int | None = None
    """The upload's length, where this request declares it."""
    body: Body
    completion: Completion = Completion.WHEN_FULL
    whole: Whole | None = None
    strict: bool = False
    """Bytes past the upload's length end it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminate:
    """Remove the upload and free what it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Make an upload whose bytes its client sends straight to the storage."""

    direct: Direct
    length: int | None = None
    """None where the client doesn't say: Uppy doesn't by itself."""
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Continue:
    """Go on with an upload whose bytes its client sends straight to the storage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Send the bytes of a finished upload."""

    linked: bool = False
    """It was named by its link for readers, which only those have who may read it."""


Intent = Create | Inspect | Append | Terminate | Begin | Continue | Read
