"""The limits on unfinished uploads and on the bytes that they claim: checked before the first byte, without waiting.

The current numbers are the state's last count, plus the uploads that this process has created since and has neither
finished nor ended: other nodes may create some more between two counts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from tusd_py.domain.errors import Unavailable
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.refusals import TooManyUploads
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observer
from tusd_py.ports.state import Unfinished

_UNFINISHED = frozenset({EventType.CREATED, EventType.ROLLED_BACK})
"""The types of events that leave an upload counted as unfinished."""


class OpenUploads(Observer):
    """The count of unfinished uploads and their claimed bytes, each with a limit (`max_count`, `max_claimed`; None for
    no limit)."""

    def __init__(self, max_count: int | None = None, max_claimed: int | None = None) -> None:
        self._max_count, self._max_claimed = max_count, max_claimed
        self._counted = Unfinished()
        self._creating: dict[UploadId, int] = {}
        self._created: dict[UploadId, int] = {}
        """The claimed bytes, by id, of uploads that this process has created since the last count, and neither finished
        nor ended."""
        self._claimed = 0
        """The sum, in bytes, of the claims in `_creating` (uploads that are being created) and in `_created`."""

    @contextmanager
    def admitting(self, upload: Upload) -> Iterator[None]:
        """Reserve the claim of `upload` during its creation; keep the reservation if the context doesn't raise. Raises
        TooManyUploads on entry if the upload would exceed a limit."""
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
        """Raise TooManyUploads if unfinished uploads may not claim `growth` bytes more."""
        claimed = self._counted.claimed + self._claimed
        if growth and self._max_claimed is not None and claimed + growth > self._max_claimed:
            raise TooManyUploads("unfinished uploads would have too many bytes; try again later")

    async def recount(self, count: Callable[[], Awaitable[Unfinished]], meter: Meter) -> None:
        """Update the numbers of unfinished uploads and of their claimed bytes with those that `count` reads from the
        state, and pass the latter to `meter`; if the state is unavailable, leave the numbers as they are."""
        before = tuple(self._created)
        with suppress(Unavailable):
            self._counted = await count()
            for upload_id in before:
                self._forget(upload_id)
            meter.unfinished_seen(self._counted)

    def notify(self, event: Event) -> None:
        if event.type not in _UNFINISHED:
            self._forget(event.upload.id)

    def _check_number(self) -> None:
        number = self._counted.count + len(self._creating) + len(self._created)
        if self._max_count is not None and number >= self._max_count:
            raise TooManyUploads("there are too many unfinished uploads; try again later")

    def _forget(self, upload_id: UploadId) -> None:
        self._claimed -= self._created.pop(upload_id, 0)
