"""The thresholds past which the server works differently: in one place, so that a simulation can cross them all.

Limits of an S3 provider are in its profile, those of an operator in the settings.
"""

from __future__ import annotations

from dataclasses import dataclass

_KIB = 1024
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The thresholds. Sizes are in bytes."""

    segments: int = 32
    """Segments of a tail at most; a further one is merged with those before it. As many as requests of 256 KiB fit into
    a part of 8 MiB, so that no byte of these is stored twice as a segment."""
    segments_at_a_time: int = 32
    """Segments that one process sends at a time. Each takes a connection: storing the tails of a crowd of uploads at
    once took 50 MiB for them."""
    reservation: int = 64 * _MIB
    """Bytes that an upload of deferred length reserves at a time in its account, or a part if that is larger."""
    fetches: int = 8
    """Requests at a time whose body is read from stored segments: bytes read for them are charged to no budget."""
    cursors: int = 16
    """Superseded cursors of one request whose objects are deleted together."""
    unproven: int = 64 * _MIB
    """Bytes of a body without a declared length that aren't recorded before its end, as it may prove too long. Further
    bytes are recorded as they come: a crash must not cost a day's upload."""
    due: int = 100
    """Uploads that a sweep asks the state for at a time."""
    due_at_a_time: int = 8
    """Uploads that a sweep handles concurrently: S3 may take long for each."""
    page: int = 500
    """Records that a repair or a listing asks the state for at a time."""
    recent_events: int = 5000
    """Latest events among whose uploads the dashboard looks for the newest ones."""
    event_page: int = 100
    """Events that a command or a listener asks the state for, or a command changes, at a time: the state does nothing
    else meanwhile."""

    attempts: int = 5
    """Attempts at a request to S3 that a retry may cure. Their pauses add up to 6 s at most: an S3 that restarts may
    be back, and the client still waits."""
    completions: int = 3
    """Attempts at CompleteMultipartUpload: fewer, as each is followed by a look at the object."""
    listings: int = 4
    """Attempts at listing the parts of a direct upload: Uppy 6 doesn't ask again."""
    deletions: int = 1000
    """Objects in one DeleteObjects: S3 takes no more."""
    copy: int = 512 * _MIB
    """The size of one UploadPartCopy at most: below the limit of 5 GiB, so that several run side by side."""
    equal_copy: int = 64 * _MIB
    """The same where parts must have one size: bytes that cross a boundary are sent again, so the parts are smaller."""
    equal_part: int = 64 * _MIB
    """The least part of an upload of unknown length where parts must have one size: 10,000 of them are 625 GiB."""

    step: int = 64 * _KIB
    """Bytes of a response of S3 that are read at a time: all are held in memory, and there may be many responses."""
    wide_step: int = 256 * _KIB
    """The same for a reader that takes a lot."""
    wide_window: int = _MIB
    """Bytes of memory that reading in wide steps takes. Wide steps halve the cost per byte."""
    read_range: int = 8 * _MIB
    """The size of each range request, if one request for the whole object is too slow for the reader."""
    read_ranges: int = 4
    """Range requests at a time for one reader: S3 sends some 80 MB/s per connection."""
    read_trial: int = 16 * _MIB
    """Bytes after each of which the server decides if the reader waits for S3, or S3 for the reader."""

    deliveries: int = 16
    """Events that one process sends to a sink at a time. Each takes a connection, and its document's memory."""
    pruned: int = 500
    """Delivered events that are removed in one transaction."""

    disk_batch: int = _MIB
    """Bytes that are gathered before they are written to a local disk: fewer aren't worth the switch to a thread."""
    disk_checkpoint: int = 8 * _MIB
    """Bytes written to a local disk between two records of the offset, each of which waits for the disk."""
    disk_read: int = 128 * _KIB
    """Bytes that a download reads from a local disk at a time."""
    disk_copy: int = 64 * _MIB
    """Bytes of a partial upload that are copied at a time: few enough that a cancelled copy ends soon."""
    disk_threads: int = 16
    """Threads that work on a local disk."""


DEFAULT = Thresholds()
