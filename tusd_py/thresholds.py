"""The numbers past which something is done in another way: in one place, so that a simulation can cross them all.

What a provider of S3 sets stands in its profile, what an operator sets in the settings.
"""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Sizes are bytes."""

    segments: int = 32
    """Of a tail, from which on a new one is joined with those before it."""
    segments_at_a_time: int = 64
    """On their way from one process. Each takes a connection: a crowd that is put away at once took 50 MiB for them."""
    unproven: int = 64 * _MIB
    """Of a body without a declared length that wait for its end, which may show that it is too long. What goes beyond
    is recorded as it comes: a crash must not cost a day's upload."""
    due: int = 100
    """Uploads that a sweep asks the state for at a time."""
    page: int = 500
    """Records that a repair asks the state for at a time."""
    deletions: int = 1000
    """Objects in one DeleteObjects: S3 takes no more."""
    copy: int = 512 * _MIB
    """The most one UploadPartCopy is asked for: below the limit of 5 GiB, so that several run side by side."""
    equal_copy: int = 64 * _MIB
    """The same where parts must have one size: what crosses a boundary is sent again, so the parts are smaller."""


DEFAULT = Thresholds()
