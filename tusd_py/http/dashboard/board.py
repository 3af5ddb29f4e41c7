"""The response of the dashboard: the page's items (uploads, jobs, receivers of events, dead deliveries, this server),
some of which are read again each second, and sent if they are new or changed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from tusd_py.domain.event_json import decode_event
from tusd_py.domain.job import Job, JobId, JobPhase
from tusd_py.domain.rights import Watcher
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.engine.listing import newest, read_page
from tusd_py.http.connection.body_stream import BodyStream
from tusd_py.http.context import Context
from tusd_py.http.dashboard import items, shell
from tusd_py.http.dashboard.items import Forms, Item
from tusd_py.http.dashboard.rounds import Rounds
from tusd_py.ports.jobs import JobSelection
from tusd_py.ports.outbox import Delivery, DeliveryState, Selection
from tusd_py.version import __version__

_UPLOADS = 100
"""The most uploads that are sent at first, and the most unfinished ones that are read again each second."""
_FINISHED = 10
"""The most finished uploads that are read again each second."""
_LOOK_SECONDS = 1.0
_RESTART_SECONDS = 5
"""Seconds after which a browser loads the page again if the server shuts down."""
_PAGE_SECONDS = 300.0
_UPDATES = 2000
"""The number of CSS rules after which a page ends and is loaded again: the browser keeps them all."""
_UNENDED = frozenset({JobPhase.QUEUED.value, JobPhase.RUNNING.value})
_DEAD = Selection(states=frozenset({DeliveryState.DEAD}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """A caller to whom a page of the dashboard is shown: the right to see items (`watcher`), and the forms, the
    endpoint and the nonce of the Content-Security-Policy that the page's HTML is made with."""

    watcher: Watcher
    forms: Forms
    endpoint: str
    """The creation endpoint's URL."""
    nonce: str

    def sees(self, item: Upload | Job) -> bool:
        return self.watcher.sees(item.owner, item.tenant)


class Board:
    """The sender of one page of the dashboard: it remembers what the browser has."""

    def __init__(self, context: Context, viewer: Viewer, body: BodyStream) -> None:
        self._context, self._viewer, self._body = context, viewer, body
        self._engine: Engine = context.engine
        self._rules: dict[str, Sequence[str]] = {}
        """The CSS rules of each item as last read, all of which the browser was sent; by the item's `key`."""
        self._moving: dict[UploadId, None] = {}
        """The ids of the unfinished uploads on the page, the one read last at the end; used as an ordered set."""
        self._finished = deque[UploadId](maxlen=_UPLOADS)
        self._jobs: dict[JobId, None] = {}
        self._open_jobs, self._listed = Rounds(read=self._read_jobs), set[JobId]()
        """The reader of the first jobs that haven't ended, a few at a time and again from the first (`Rounds`), and the
        ids of those that it has read since it last began with the first."""
        self._dead = Rounds(read=self._read_dead)
        self._seq = 0
        self._updates = 0

    async def run(self, *, follow: bool) -> None:
        """Send the page with the present items and, with `follow`, their changes and new items, until `_PAGE_SECONDS`
        have passed, `_UPDATES` CSS rules (those of the first items among them) are sent, or the server shuts down; the
        browser then loads the page again. Raises Unavailable, ConnectionError."""
        await self._body.begin()
        await self._body.send(shell.head(self._viewer.nonce).encode())
        present, self._seq = await newest(self._engine, self._viewer.sees, _UPLOADS)
        await self._send([self._upload_item(numbered.upload) for numbered in present])
        await self._send([item async for item in self._surroundings()])
        if follow:
            await self._follow()
        pause = _RESTART_SECONDS if self._context.concurrency.closed else 0
        await self._body.send(shell.tail(again_after=pause if follow else None).encode())

    async def _follow(self) -> None:
        clock = asyncio.get_running_loop().time
        end = clock() + _PAGE_SECONDS
        while clock() < end and self._updates < _UPDATES and not self._context.concurrency.closed:
            await asyncio.sleep(_LOOK_SECONDS)
            if not self._body.connected:
                raise ConnectionResetError
            await self._send([item async for item in self._changes()])

    async def _changes(self) -> AsyncIterator[Item]:
        last = await self._context.last_seq.get()
        while self._seq < last:
            page = await read_page(self._engine, self._seq, self._viewer.sees)
            for numbered in page.uploads:
                yield self._upload_item(numbered.upload)
            self._seq = max(page.seq, last) if page.last else page.seq
        for upload_id in self._looked_at():
            yield await self._moved(upload_id)
        async for item in self._surroundings():
            yield item

    def _looked_at(self) -> Sequence[UploadId]:
        """Return the ids of the uploads to read again now: of the newest unfinished ones for their offsets, and of a
        few finished ones, another few each time, to find those that have been removed or have expired, which the pages
        of changed uploads (`read_page`) leave out."""
        self._finished.rotate(_FINISHED)
        return [*self._moving][-_UPLOADS:] + [*self._finished][:_FINISHED]

    def _upload_item(self, upload: Upload) -> Item:
        self._moving.pop(upload.id, None)
        if not upload.done:
            self._moving[upload.id] = None
        elif upload.id not in self._finished:
            self._finished.append(upload.id)
        return self._item(upload)

    def _item(self, upload: Upload) -> Item:
        return items.upload_item(upload, f"{self._viewer.endpoint}{upload.url_name}", self._viewer.forms)

    async def _moved(self, upload_id: UploadId) -> Item:
        upload = await self._engine.state.load(upload_id)
        if upload is not None and upload.visible(self._engine.clock()):
            return self._upload_item(upload)
        self._moving.pop(upload_id, None)
        return items.gone_item(f"u-{upload_id}")

    async def _surroundings(self) -> AsyncIterator[Item]:
        """Yield the items that are no uploads: the next few jobs and dead deliveries that the viewer sees and, if the
        viewer sees all, every receiver of events and this server."""
        async for item in self._job_items():
            yield item
        async for item in self._delivery_items():
            yield item
        if self._viewer.watcher.sees_all:
            facts = {"version": __version__, "storage": self._engine.storage.name, "state": self._engine.state.name}
            unfinished = await self._engine.state.unfinished()
            yield items.node_item(tuple(facts.items()), unfinished.count, unfinished.claimed)

    async def _job_items(self) -> AsyncIterator[Item]:
        """Yield the items of the jobs to send now, all of which the viewer sees. Each call reads on in the list of the
        jobs that haven't ended, in rounds (`Rounds`): after its last job, or the 50th, a round ends, and the next call
        begins with the first job again. At the end of a round, also yields the items of the jobs sent before that
        weren't in it, as they may have ended. Records may be large: one page of them is in memory at a time."""
        async for page in self._open_jobs.look():
            self._listed.update(job.id for job in page)
            for job in filter(self._viewer.sees, page):
                yield self._job_item(job)
            if not page:
                async for item in self._ended_job_items():
                    yield item
                self._listed.clear()

    async def _ended_job_items(self) -> AsyncIterator[Item]:
        for job_id in self._jobs.keys() - self._listed:
            job = await self._engine.state.jobs.load(job_id)
            if job is None:
                self._jobs.pop(job_id, None)
                yield items.gone_item(f"j-{job_id}")
            elif self._viewer.sees(job):
                yield self._job_item(job)

    async def _read_jobs(self, last: Job | None, limit: int) -> Sequence[Job]:
        engine, selection = self._engine, JobSelection(phases=_UNENDED, account=self._viewer.watcher.account)
        after = None if last is None else last.place
        return await engine.state.jobs.list(selection, after, limit, engine.thresholds.page_size)

    def _job_item(self, job: Job) -> Item:
        if job.ended:
            self._jobs.pop(job.id, None)
        else:
            self._jobs[job.id] = None
        return items.job_item(job, self._viewer.forms)

    async def _delivery_items(self) -> AsyncIterator[Item]:
        outbox = self._engine.state.outbox
        if outbox is None:
            return
        backlogs = await outbox.backlogs()
        numbers = {backlog.sink: number for number, backlog in enumerate(backlogs)}
        if self._viewer.watcher.sees_all:
            for number, backlog in enumerate(backlogs):
                yield items.backlog_item(number, backlog)
        if any(backlog.dead for backlog in backlogs):
            async for page in self._dead.look():
                for delivery in page:
                    if self._viewer.sees(decode_event(delivery.type, delivery.document).upload):
                        number = numbers.get(delivery.sink, len(numbers))
                        yield items.delivery_item(delivery, number, self._viewer.forms)

    async def _read_dead(self, last: Delivery | None, limit: int) -> Sequence[Delivery]:
        outbox, size = self._engine.state.outbox, self._engine.thresholds.page_size
        return () if outbox is None else await outbox.list(_DEAD, last, limit, size)

    async def _send(self, changed: Iterable[Item]) -> None:
        """Send the elements of those items that the browser doesn't have, and the CSS rules of the items that weren't
        among an item's rules when it was last sent."""
        html = "".join(piece for item in changed for piece in self._pieces(item))
        if html:
            await self._body.send(html.encode())

    def _pieces(self, item: Item) -> Iterable[str]:
        rules = self._rules.get(item.key)
        self._rules[item.key] = item.rules
        if rules is None and item.element is not None:
            yield str(item.element)
        for rule in item.rules:
            if rules is None or rule not in rules:
                self._updates += 1
                yield str(shell.style(rule, self._viewer.nonce))
