"""The use case of listings: pages of uploads, by the number of their last event."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.ports.state import Numbered


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a listing."""

    uploads: Sequence[Numbered]
    """The chosen uploads of the page, in the order of their numbers (`Numbered.seq`): each that of its last event,
    or else of its creation."""
    seq: int
    """The number up to which all uploads were looked at, each by the number of its last event: the next page goes on
    after it."""
    last: bool
    """True if it is known that the last event of no upload had a higher number than `seq`; if False, the next page may
    be empty."""


async def read_page(engine: Engine, since: int, chosen: Callable[[Upload], bool]) -> Page:
    """Return the next page of the uploads whose last event has a number above `since`, which clients may see, and for
    which `chosen` returns True.

    An upload that gets a new event after its page was read comes again on a later page, with its new number, if it
    still is such an upload. Raises StateUnavailable.
    """
    limit, now = engine.thresholds.page, engine.clock()
    changes = await engine.state.changed(since, limit)
    uploads = [numbered for numbered in changes if numbered.upload.visible(now) and chosen(numbered.upload)]
    return Page(uploads=uploads, seq=changes[-1].seq if changes else since, last=len(changes) < limit)


async def last_seq(engine: Engine) -> int:
    """Return the highest number of an event so far; 0 without an outbox. Raises StateUnavailable."""
    outbox = engine.state.outbox
    return 0 if outbox is None else await outbox.last_seq()


async def newest(engine: Engine, chosen: Callable[[Upload], bool], limit: int) -> tuple[Sequence[Numbered], int]:
    """Return the last `limit` of the chosen uploads among those of the latest events (`Thresholds.recent_events`),
    each once, the newest last, and the event number after which `read_page` finds later changes. Raises
    StateUnavailable.
    """
    last = await last_seq(engine)
    uploads, since = OrderedDict[UploadId, Numbered](), max(0, last - engine.thresholds.recent_events)
    while True:
        page = await read_page(engine, since, chosen)
        for numbered in page.uploads:
            uploads[numbered.upload.id] = numbered
            uploads.move_to_end(numbered.upload.id)
        while len(uploads) > limit:
            uploads.popitem(last=False)
        since = page.seq
        if page.last:
            return tuple(uploads.values()), max(since, last)
