"""What a request wants, in words both protocols share. Read by a wire, judged by `rules`, done by the engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from tusd_py.model import Kind, Metadata


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminate:
    """Remove the upload and free what it holds."""


Intent = Create | Inspect | Append | Terminate
