"""The numbers past which something is done in another way: in one place, so that a simulation can cross them all.

What a provider of S3 sets stands in its profile, what an operator sets in the settings.
"""

from __future__ import annotations

from dataclasses import dataclass

_KIB = 1024
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Sizes are bytes."""

    segments: int = 32
    """Of a tail, from which on a new one is joined with those before it: as many requests of 256 KiB as go into a part
    of 8 MiB, so that none of these is stored a second time as a tail."""
    segments_at_a_time: int = 32
    """On their way from one process. Each takes a connection: a crowd that is put away at once took 50 MiB for them."""
    fetches: int = 8
    """Of tails that go into a part or a longer tail, at a time: what is read for them is counted in no budget."""
    cursors: int = 16
    """Of one request, whose bytes have found a better home, and that are swept at a time."""
    unproven: int = 64 * _MIB
    """Of a body without a declared length that wait for its end, which may show that it is too long. What goes beyond
    is recorded as it comes: a crash must not cost a day's upload."""
    due: int = 100
    """Uploads that a sweep asks the state for at a time."""
    due_at_a_time: int = 8
    """Of them that it sees to side by side: S3 may take long over each."""
    page: int = 500
    """Records that a repair asks the state for at a time."""

    attempts: int = 5
    """At a request to S3 that a repeat may mend. Their pauses are 6 s at most: an S3 that restarts may be back, and the
    client still waits."""
    completions: int = 3
    """Attempts at CompleteMultipartUpload: fewer, as each is followed by a look at the object."""
    listings: int = 4
    """Attempts at listing the parts of a direct upload: Uppy 6 doesn't ask again."""
    deletions: int = 1000
    """Objects in one DeleteObjects: S3 takes no more."""
    copy: int = 512 * _MIB
    """The most one UploadPartCopy is asked for: below the limit of 5 GiB, so that several run side by side."""
    equal_copy: int = 64 * _MIB
    """The same where parts must have one size: what crosses a boundary is sent again, so the parts are smaller."""
    equal_part: int = 64 * _MIB
    """The least part of an upload of unknown length where parts must have one size: 10,000 of them are 625 GiB."""

    step: int = 64 * _KIB
    """Most bytes of an answer of S3 that are read at a time: all of it is held, and there may be many answers."""
    wide_step: int = 256 * _KIB
    """The same for a reader that takes much."""
    wide_window: int = _MIB
    """Bytes that reading in wide steps takes. They halve what a byte costs."""
    read_range: int = 8 * _MIB
    """Of an object, asked for in a request of its own, where one request is too slow for the reader."""
    read_ranges: int = 4
    """Such requests at a time for one reader: S3 carries some 80 MB/s a connection."""
    read_trial: int = 16 * _MIB
    """Bytes after which it is judged if the reader waits for S3, or S3 for the reader."""

    disk_batch: int = _MIB
    """Bytes that are gathered before they are written to a local disk: fewer are not worth a thread's turn."""
    disk_checkpoint: int = 8 * _MIB
    """Bytes on a local disk between two records of the offset, each of which waits for the disk."""
    disk_read: int = 128 * _KIB
    """Bytes that a download reads from a local disk at a time."""
    disk_copy: int = 64 * _MIB
    """Bytes of a partial upload that are copied at a time: few enough that a cancelled copy ends soon."""
    disk_threads: int = 16
    """That work on a local disk at a time."""


DEFAULT = Thresholds()
