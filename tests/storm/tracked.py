"""One upload as its client knows it, and the promises it is held against."""

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
"""Expiry is told in whole seconds."""


class Tracked:
    """The bytes of `content` that were sent, and those the server has acknowledged."""

    def __init__(self, content: Content, lifetime: float) -> None:
        self.content = content
        self.url = ""
        self.acknowledged = 0
        """The highest offset told so far."""
        self.sent_to = 0
        """The end of the bytes that any request has brought so far."""
        self.complete = False
        """The server has said that it is."""
        self.deleting = False
        self._lifetime = lifetime
        self._alive_until = 0.0

    def offers(self, end: int) -> None:
        """A request is about to bring bytes up to `end`."""
        self.sent_to = max(self.sent_to, end)

    def hear(self, offset: int, floor: int) -> None:
        """`floor` is what had been told before the request went out. Raises Breach."""
        if offset < floor:
            raise Breach(f"an offset was taken back: {floor} was told, then {offset}")
        if offset > self.sent_to:
            raise Breach(f"offset {offset} is ahead of the {self.sent_to} bytes that were sent")
        self.acknowledged = max(self.acknowledged, offset)

    def stays(self, reply: Reply, *, moved: bool) -> None:
        """The reply says, or means, until when the upload is kept."""
        until = [self._alive_until, *_told_expiry(reply)]
        self._alive_until = max([*until, reply.asked_at + self._lifetime] if moved else until)

    def completed(self, *, partial: bool = False) -> None:
        """Told to be complete: what isn't a means to something else is kept for good."""
        self.complete = True
        if not partial:
            self._alive_until = math.inf

    def may_be_over(self) -> bool:
        """Its time is up."""
        return time.time() >= self._alive_until - _SECOND

    def check_gone(self, reply: Reply) -> None:
        """404 or 410 was answered. Raises Ended if that may be, else Breach."""
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
