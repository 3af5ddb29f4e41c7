"""Numbers past which the server works in another way. They are in one place, so that a simulation can lower them all.

The limits of an S3 provider are in its profile, those that an operator sets in the settings.
"""

from __future__ import annotations

from dataclasses import dataclass

_KIB = 1024
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The numbers, for one process, past which the server works in another way. Sizes are in bytes."""

    segments: int = 32
    """The most segments of an upload's tail; a further one is merged with the last ones before it. Requests of 256 KiB
    need no more for a part of 8 MiB, so that no byte of such requests is stored twice as a segment."""
    segments_at_a_time: int = 32
    """Segments and info objects that one process sends at a time, to all buckets together. Each takes a connection:
    without a limit, the tails of a crowd of uploads took 50 MiB of memory for connections."""
    reservation: int = 64 * _MIB
    """Bytes that an upload of deferred length reserves in its account at a time: this, or the setting `part-size` if
    that is larger."""
    fetches: int = 8
    """The most requests to S3 at a time, to all buckets together, whose body is read from stored segments: the memory
    for these bytes is charged to no budget."""
    cursors: int = 16
    """The number of superseded cursors at which a request deletes the objects that they name and that no cursor still
    in use names."""
    unproven: int = 64 * _MIB
    """Bytes of a body without a declared length or a checksum that are stored but not recorded, as the body may prove
    too long. Once there are more, all are recorded as they come, except those that reach the upload's length: a crash
    must not cost a day's upload."""
    due: int = 100
    """The most due uploads, new to a sweep, whose ids it reads from the state store at a time."""
    due_at_a_time: int = 8
    """Due uploads that a sweep works on concurrently: S3 may take long for each."""
    page: int = 500
    """Records that a repair, a listing of uploads or accounts, or the cancelling of an ended upload's jobs loads from
    the state store at a time."""
    recent_events: int = 5000
    """Latest events in which the dashboard looks for the newest uploads."""
    event_page: int = 100
    """The most events or deliveries that one step of the state store handles, as it does nothing else meanwhile: a step
    reads them for the feed or a command, makes them pending again for a command with `--since`, or (in Redis) adds new
    ones to the sorted sets that list them."""
    page_size: int = _MIB
    """Characters of JSON after which a page of jobs, events or deliveries ends, also with fewer rows: one record may
    have megabytes, and a page of such must not take the process's memory."""

    attempts: int = 5
    """The most attempts at a request to S3, if a retry may succeed. The pauses between them are 6 s together at most:
    an S3 that restarts may serve again by then, and the client still waits."""
    completions: int = 3
    """The most attempts at CompleteMultipartUpload: fewer than `attempts`, as after a failed one the server looks for
    the object, or lists the parts."""
    listings: int = 4
    """The most attempts at listing the parts of a direct upload, whose client (Uppy 6) doesn't retry itself."""
    deletions: int = 1000
    """The most objects in one DeleteObjects: S3 takes no more."""
    copy: int = 512 * _MIB
    """The largest size of one UploadPartCopy, unless it must be larger so that there aren't too many parts: below S3's
    limit of 5 GiB, so that several run side by side."""
    equal_copy: int = 64 * _MIB
    """The size of the parts of a final upload (larger if they would be too many) where all but the last must have one
    size, or where parts that keep to the bounds of the partial uploads would be too many: a part with bytes of several
    partial uploads is read from S3 and sent again, so the parts are smaller."""
    equal_part: int = 64 * _MIB
    """The least size of a part of an upload of unknown length, where all parts must have one size: 10,000 parts are 625
    GiB."""

    step: int = 64 * _KIB
    """Bytes of a response of S3 that are read at a time: each response holds so many in memory, and there may be many.
    """
    wide_step: int = 256 * _KIB
    """Bytes of a response of S3 that a download reads at a time, instead of 64 KiB (`step`), if enough memory could
    be charged to the memory budget: 1 MiB (`wide_window`) if one request reads all bytes of the download, else all
    bytes of each range that is read ahead."""
    wide_window: int = _MIB
    """Bytes of the memory budget that a download takes while it reads an object with one request to S3, `wide_step`
    bytes (256 KiB) at a time: steps so wide halve the cost per byte."""
    read_range: int = 8 * _MIB
    """The size of each range request of a download but the last, once one request for all of its bytes proves slower
    than its reader."""
    read_ranges: int = 4
    """The most range requests at a time for one reader: S3 sends some 80 MB/s per connection."""
    read_trial: int = 16 * _MIB
    """Bytes of a download after which the server decides again if the reader waits for S3, or S3 for the reader."""

    deliveries: int = 16
    """Events that one process delivers to a sink at a time; to commands in `hooks-dir`, as many as
    `hooks-dir-concurrency` says. Each may take a connection, and takes memory for its document."""
    pruned: int = 500
    """The most events without a pending or dead delivery, or ended jobs, that are removed in one transaction once their
    retention is over."""

    disk_batch: int = _MIB
    """Bytes gathered in memory before they are written to a local disk: fewer aren't worth the switch to a thread."""
    disk_checkpoint: int = 8 * _MIB
    """Bytes written to a local disk between two records of the offset. Before each record, the bytes are synced to the
    disk."""
    disk_read: int = 128 * _KIB
    """Bytes that a download reads from a local disk at a time."""
    disk_copy: int = 64 * _MIB
    """Bytes of a partial upload that are copied on a local disk at a time: few enough that a cancelled copy ends soon.
    """
    disk_threads: int = 16
    """The most threads of one process that work on the files of a storage on a local disk."""


DEFAULT = Thresholds()
