"""The limits of this server, in one value that the rules and the protocols share."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of uploads and requests. Sizes in bytes, times in seconds; None is no limit."""

    max_length: int | None = None
    """The smaller of the setting `max-size` and what the storage can hold."""
    max_deferred_length: int | None = None
    """The same for an upload whose length isn't declared at its creation."""
    max_age: float | None = None
    """Seconds after its creation within which an upload must be finished, however active it is."""
    announced_max_length: int | None = None
    """The setting `max-size` alone, as sent in Tus-Max-Size."""
    expire_after: float | None = None
    retention: float | None = None
    max_partials: int = 1000
    max_partial_uses: int = 16
    """Times that one final upload may name one partial upload."""
    max_metadata_bytes: int = 16 * 1024
    max_metadata_keys: int = 64
    allowed_types: tuple[str, ...] = ()
    """Media types, `image/*` or `*/*`, in lower case; empty to allow any."""
    allowed_extensions: tuple[str, ...] = ()
    """Extensions of file names, in lower case, without the leading dot; empty to allow any."""
    termination: bool = True
    terminates_finished: bool = True
    """True if clients may terminate finished uploads too."""
    concatenation: bool = True
    downloads: bool = True
    upload_url_lifetime: float = 900.0
    """Seconds that a presigned URL or form is valid, with which a client sends bytes straight to the storage."""
    download_url_lifetime: float = 300.0
    answers_gone: bool = False
    """True to answer 410, rather than 404, for uploads that are remembered as gone."""

    def within(self, max_length: int | None) -> Limits:
        """Return the limits for an upload of `max_length` bytes at most; the same ones for None."""
        if max_length is None:
            return self
        return replace(
            self,
            max_length=_smaller(self.max_length, max_length),
            max_deferred_length=_smaller(self.max_deferred_length, max_length),
            announced_max_length=_smaller(self.announced_max_length, max_length),
        )


def _smaller(limit: int | None, length: int) -> int:
    return length if limit is None else min(limit, length)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLimits:
    """The storage's limits for parts that clients send straight to it. Sizes in bytes."""

    max_parts: int = 10_000
    min_length: int = 5 * 1024 * 1024
    """The least size of any part but the last."""
    max_length: int = 5 * 1024**3
    """The largest size of a part, and of an upload in one request."""
    equal: bool = False
    """True if all parts but the last must have the same length."""
    forms: bool = True
    """True if the storage takes uploads by POSTed forms, which limit the size even if it isn't declared."""
