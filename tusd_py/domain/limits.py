"""What this server allows, in one value the rules and the wires share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes, times in seconds; None is no limit."""

    max_length: int | None = None
    """The smaller of the setting `max-size` and what the storage can hold."""
    max_deferred_length: int | None = None
    """The same for an upload whose length isn't known at its creation."""
    max_age: float | None = None
    """Seconds after its creation in which an upload must be finished, whatever happens to it."""
    announced_max_length: int | None = None
    """The setting alone: told in Tus-Max-Size."""
    expire_after: float | None = None
    retention: float | None = None
    max_partials: int = 1000
    max_partial_uses: int = 16
    """Of one partial upload in one final one."""
    max_metadata_bytes: int = 16 * 1024
    max_metadata_keys: int = 64
    allowed_types: tuple[str, ...] = ()
    """Media types, `image/*` or `*/*`, in lower case; any if there are none."""
    allowed_extensions: tuple[str, ...] = ()
    """Of file names, in lower case, without a dot before them; any if there are none."""
    termination: bool = True
    terminates_finished: bool = True
    """Clients may end finished uploads too."""
    concatenation: bool = True
    downloads: bool = True
    upload_url_lifetime: float = 900.0
    """Of what is signed for clients that send their bytes straight to the storage."""
    download_url_lifetime: float = 300.0
    gone: bool = False
    """Answer 410 for uploads that are remembered as gone, rather than 404."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLimits:
    """What the storage asks of parts that it gets from clients. Sizes in bytes."""

    most: int = 10_000
    least_length: int = 5 * 1024 * 1024
    """Of any part but the last."""
    greatest_length: int = 5 * 1024**3
    """Also of an upload in one request."""
    equal: bool = False
    """All but the last must have one length."""
    forms: bool = True
    """Takes an upload from a form, which limits also what isn't declared."""
