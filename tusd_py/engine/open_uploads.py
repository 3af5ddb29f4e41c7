"""How many uploads may be unfinished, and how many bytes they may claim: asked before the first byte, never waited for.

It is what the state counted at the last look, and what this process has created since: a limit may be passed by what
other nodes create between two looks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from tusd_py.domain.errors import Unavailable
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.refusals import TooManyUploads
from tusd_py.domain.upload import Unfinished, Upload, UploadId
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observer

_UNFINISHED = frozenset({EventType.CREATED, EventType.ROLLED_BACK})
"""Events of uploads that are unfinished after them."""


class OpenUploads(Observer):
    """Remembers them. None is no limit."""

    def __init__(self, most: int | None = None, most_claimed: int | None = None) -> None:
        self._most, self._most_claimed = most, most_claimed
        self._seen = Unfinished()
        self._creating: dict[UploadId, int] = {}
        self._created: dict[UploadId, int] = {}
        """Since the last look, with their claims."""
        self._claimed = 0
        """By both."""

    @contextmanager
    def admitting(self, upload: Upload) -> Iterator[None]:
        """While `upload` is created. Raises TooManyUploads before that."""
        claim = upload.claim or 0
        self._check_number()
        self.check_claim(claim)
        self._creating[upload.id] = claim
        self._claimed += claim
        try:
            yield
            self._created[upload.id] = claim
            self._claimed += claim
        finally:
            self._claimed -= self._creating.pop(upload.id)

    def check_claim(self, growth: int) -> None:
        """Raises TooManyUploads where uploads can't claim so many bytes more."""
        claimed = self._seen.claimed + self._claimed
        if growth and self._most_claimed is not None and claimed + growth > self._most_claimed:
            raise TooManyUploads("unfinished uploads may not have that many bytes more; try again later")

    async def look(self, count: Callable[[], Awaitable[Unfinished]], meter: Meter) -> None:
        """Have the state count anew. What can't be asked stays as it was: it has other troubles."""
        before = tuple(self._created)
        with suppress(Unavailable):
            self._seen = await count()
            for upload_id in before:
                self._forget(upload_id)
            meter.unfinished_seen(self._seen)

    def notify(self, event: Event) -> None:
        if event.type not in _UNFINISHED:
            self._forget(event.upload.id)

    def _check_number(self) -> None:
        number = self._seen.count + len(self._creating) + len(self._created)
        if self._most is not None and number >= self._most:
            raise TooManyUploads("there are as many unfinished uploads as may be; try again later")

    def _forget(self, upload_id: UploadId) -> None:
        self._claimed -= self._created.pop(upload_id, 0)
