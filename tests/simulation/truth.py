"""The facts about uploads by which a simulated world judges its nodes."""

from __future__ import annotations

from tusd_py.domain.upload_id import UploadId


class Truth:
    """A record of what must be true of each upload, by what clients were told and what befell it."""

    def __init__(self) -> None:
        self.contents: dict[bytes, bytes] = {}
        """The content that each upload must have, by the name in its metadata."""
        self.infected: set[bytes] = set()
        """Contents in which a scanner finds something."""
        self.finished: dict[UploadId, bytes] = {}
        """The content of each upload that a client was ever told is complete, unless it was in `bereft` at that
        time."""
        self.durable: dict[UploadId, int] = {}
        """The offset of each upload as recorded last, whether or not it is there any more."""
        self.complete: set[UploadId] = set()
        """The ids of uploads that a client was told are complete, except partial ones and those that were in `bereft`
        at that time. An id is removed when a client terminates the upload or a scan ends it, and all are when the state
        is lost."""
        self.robbed: set[UploadId] = set()
        """The ids of uploads of which bytes were taken from the bucket, unknown to the nodes: their offsets may
        fall."""
        self.bereft: set[UploadId] = set()
        """The ids of uploads that a roll-back can't save: their object, or the multipart upload of a direct one, was
        taken from the bucket, or their object was replaced there; and of unfinished final uploads made of them."""
        self.forgotten: set[UploadId] = set()
        """The ids of uploads whose records were lost with the state: objects that have these ids in their metadata may
        stay in the bucket; those of finished uploads (`orphans`) must stay."""
        self.orphans: dict[str, bytes] = {}
        """The content of the finished objects whose records were lost with the state, by their keys."""
