"""The limits of this server, in one value that the rules and the protocols share."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of uploads and requests, and what the settings let clients do. Sizes are in bytes, times in seconds;
    None is no limit."""

    max_length: int | None = None
    """The most bytes of an upload: the least of `announced_max_length` and what the storage can hold."""
    max_deferred_length: int | None = None
    """The most bytes of an upload whose length isn't declared at its creation; if None, `max_length` applies."""
    max_age: float | None = None
    """Seconds after its creation at which an open upload expires at the latest, however often its client sends bytes;
    so does a finished partial upload."""
    announced_max_length: int | None = None
    """The most bytes of an upload without regard to the storage, as sent in Tus-Max-Size: the least of `max-size`,
    `max-open-bytes` and, if each upload must be scanned, what the scanner takes."""
    expire_after: float | None = None
    retention: float | None = None
    max_partials: int = 1000
    max_partial_uses: int = 16
    """The number of times that one final upload may name the same partial upload."""
    max_metadata_bytes: int = 16 * 1024
    max_metadata_keys: int = 64
    allowed_types: tuple[str, ...] = ()
    """The media types that uploads may declare, in lower case; `image/*` and the like allow a group of them, `*/*` all.
    If empty, an upload may declare any type, or no type at all."""
    allowed_extensions: tuple[str, ...] = ()
    """Extensions of file names, in lower case, without the leading dot; empty to allow any."""
    termination: bool = True
    terminates_finished: bool = True
    """True if clients that may terminate uploads may terminate finished ones, too; if False, of these only partial
    ones."""
    concatenation: bool = True
    downloads: bool = True
    upload_url_lifetime: float = 900.0
    """Seconds for which a presigned URL or form, by which a client sends bytes straight to the storage, is valid."""
    download_url_lifetime: float = 300.0
    answers_gone: bool = False
    """True to answer 410, rather than 404, for uploads that have ended or expired, while their records are kept."""

    def within(self, max_length: int | None) -> Limits:
        """Return the limits for an upload of which a credential allows `max_length` bytes; the same limits for None."""
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
    """The storage's limits for bytes that clients send straight to it. Sizes are in bytes."""

    max_parts: int = 10_000
    min_length: int = 5 * 1024 * 1024
    """The least size of any part but the last."""
    max_length: int = 5 * 1024**3
    """The largest size of a part, and of an upload that comes in one request."""
    equal: bool = False
    """True if all parts but the last must have the same length."""
    forms: bool = True
    """True if the storage takes uploads by POSTed forms. A form limits the size even if the client declares none."""
