"""The facts about uploads by which a simulated world judges its nodes."""

from __future__ import annotations

from tusd_py.domain.upload_id import UploadId


class Truth:
    """A record of what must be true of each upload, by what clients were told and what befell it."""

    def __init__(self) -> None:
        self.contents: dict[bytes, bytes] = {}
        """By the name in an upload's metadata: what it must hold."""
        self.infected: set[bytes] = set()
        """Contents in which a scanner finds something."""
        self.finished: dict[UploadId, bytes] = {}
        """The content of each upload that was ever complete."""
        self.durable: dict[UploadId, int] = {}
        """The offset of each upload as recorded last, whether or not it is there any more."""
        self.complete: set[UploadId] = set()
        """Uploads that a client was told are complete, and that have not ended since."""
        self.robbed: set[UploadId] = set()
        """Uploads whose bytes were taken from the bucket, unknown to the nodes: they may fall back."""
        self.bereft: set[UploadId] = set()
        """Uploads that lost all their bytes that way."""
        self.forgotten: set[UploadId] = set()
        """Uploads whose records were lost: their objects stay, known as done or not."""
        self.orphans: dict[str, bytes] = {}
        """The content of those that were known as done, by their keys."""
