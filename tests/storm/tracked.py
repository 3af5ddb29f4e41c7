"""One upload as its client knows it, and the promises that the server's answers are checked for."""

from __future__ import annotations

import math
import re
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime

from tests.storm.contents import Content
from tests.storm.history import Breach, Ended
from tests.storm.talk import Reply

_SECOND = 1.5
"""Seconds by which an upload may go early: expiry is told in whole seconds."""


class Tracked:
    """One upload as its client knows it: the bytes sent, those the server has acknowledged, and until when it is
    kept."""

    def __init__(self, content: Content, lifetime: float) -> None:
        self.content = content
        self.url = ""
        self.acknowledged = 0
        """The highest offset told so far."""
        self.sent_to = 0
        """The end of the bytes that requests have sent or are about to send, or were to send before they were cut on
        purpose; without those sent with a wrong checksum."""
        self.complete = False
        """True once the server has told that the upload is complete."""
        self.deleting = False
        self._lifetime = lifetime
        self._alive_until = 0.0

    def offers(self, end: int) -> None:
        """Note that a request is about to send bytes up to `end`."""
        self.sent_to = max(self.sent_to, end)

    def hear(self, offset: int, floor: int) -> None:
        """Note an offset that the server told. Raises Breach if it is above the bytes sent, or below `floor`: the
        offset told before the request went out, or, after a success, the end of the request's bytes."""
        if offset < floor:
            raise Breach(f"an offset was taken back: {floor} was told, then {offset}")
        if offset > self.sent_to:
            raise Breach(f"offset {offset} is ahead of the {self.sent_to} bytes that were sent")
        self.acknowledged = max(self.acknowledged, offset)

    def stays(self, reply: Reply, *, moved: bool) -> None:
        """Note until when the upload is kept at least: the latest of the times known so far, the expiry in the reply,
        and, if the request changed the upload (`moved`), the lifetime counted from when the request went out."""
        until = [self._alive_until, *_told_expiry(reply)]
        self._alive_until = max([*until, reply.asked_at + self._lifetime] if moved else until)

    def completed(self, *, partial: bool = False) -> None:
        """Note that the server reported completion; from then on the upload is kept for good, unless it is
        `partial`."""
        self.complete = True
        if not partial:
            self._alive_until = math.inf

    def may_be_over(self) -> bool:
        """Return True if the upload may have expired by now."""
        return time.time() >= self._alive_until - _SECOND

    def check_gone(self, reply: Reply) -> None:
        """Raise Ended if the 404 or 410 is right, as the client deleted the upload or it may have expired; else raise
        Breach."""
        if self.deleting or self.may_be_over():
            raise Ended
        remaining = self._alive_until - time.time()
        raise Breach(f"{reply.status} for an upload that no client deleted and that has {remaining:.0f} s to live")


def _told_expiry(reply: Reply) -> list[float]:
    times = []
    with suppress(KeyError, ValueError):
        times.append(parsedate_to_datetime(reply.headers["Upload-Expires"]).timestamp())
    if age := re.search(r"(?:max-age|expires)=(\d+)", reply.headers.get("Upload-Limit", "")):
        times.append(reply.asked_at + int(age[1]))
    return times
