"""GET /uploads: the uploads that a caller may see, ordered by the numbers of their last events, as they are when read.

The list isn't held in memory: a page is read from the state, sent and dropped. If the client stops reading, what isn't
sent of the page is dropped too, and read again once the client goes on. With `follow`, the list goes on with uploads
that change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass

from aiohttp import hdrs, web

from tusd_py.domain.errors import Unavailable
from tusd_py.domain.refusals import BadQuery
from tusd_py.domain.rights import Watcher
from tusd_py.domain.selection import UploadSelection
from tusd_py.domain.upload import Upload
from tusd_py.engine.listing import read_page
from tusd_py.http.connection.body_stream import BodyStream
from tusd_py.http.context import Context
from tusd_py.http.failures import record_refusal
from tusd_py.http.handlers.plain_refusals import plain_route
from tusd_py.http.handlers.queries import read_flag, read_list_format, read_number
from tusd_py.http.handlers.watching import counted, watcher_of
from tusd_py.ports.state import Numbered
from tusd_py.protocol.listing import FORMATS, JSON, NDJSON, ListFormat
from tusd_py.protocol.upload_object import upload_object

_JSON_ROWS = 1000
"""Rows of a JSON list at most: clients read it as a whole."""
_PIECE = 16 * 1024
"""Bytes of rows that are collected before they are sent."""
_LOOK_SECONDS = 1.0
"""Seconds between two looks for uploads that have changed."""
_META = "meta."


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """A request for a list of uploads: its format, range and selection, and its caller's right to see."""

    form: ListFormat
    since: int
    limit: int | None
    """Rows at most; None for no limit."""
    follow: bool
    selection: UploadSelection
    watcher: Watcher
    endpoint: str
    """The creation endpoint's URL."""

    def includes(self, upload: Upload) -> bool:
        """Return True if the upload belongs in the list: the caller may see it, and the query selects it."""
        return self.watcher.sees(upload.owner, upload.tenant) and self.selection.includes(upload)


async def _list(request: web.Request, context: Context) -> web.StreamResponse:
    query = _read_query(request, context)
    headers = {
        hdrs.CONTENT_TYPE: query.form.content_type,
        **query.form.headers,
        hdrs.CACHE_CONTROL: "no-store",
        hdrs.VARY: hdrs.ACCEPT,
        "X-Accel-Buffering": "no",
    }
    with (
        counted(request, context) if query.follow else nullcontext(),
        closing(BodyStream(request, web.StreamResponse(headers=headers), context.network_timeout)) as body,
    ):
        teller = Teller(context, query, body)
        try:
            await teller.run()
        except Unavailable as error:
            if not body.started:
                raise
            code = record_refusal(request, context, error).code
            await body.break_off(query.form.fault(code, str(teller.cursor)))
        return body.response


class Teller:
    """The sender of one list. `cursor` is the number of the last event of the upload that was sent last;
    before the first upload is sent, it is the query's `since`.
    """

    def __init__(self, context: Context, query: ListQuery, body: BodyStream) -> None:
        self._context, self._query, self._body = context, query, body
        self._seq = self.cursor = query.since
        self._count = 0

    async def run(self) -> None:
        """Send all rows, then the end of the list or, with `follow`, further rows when uploads change. Raises
        StateUnavailable, ConnectionError."""
        await self._tell_pages()
        if self._query.follow:
            await self._follow()
        else:
            await self._body.send(self._query.form.end(str(self.cursor), self._count))

    @property
    def _full(self) -> bool:
        return self._count == self._query.limit

    async def _tell_pages(self) -> None:
        while not await self._tell_page():
            await self._body.drained()

    async def _tell_page(self) -> bool:
        """Read a page of uploads and send their rows. Returns True once the list is complete or has `limit` rows; False
        if there may be more to send, or if the client has stopped reading: then await `BodyStream.drained` before the
        next call. Raises StateUnavailable, ConnectionError."""
        page = await read_page(self._context.engine, self._seq, self._query.includes)
        if not self._body.started:
            await self._body.begin()
            if not await self._send(self._query.form.head):
                return False
        for piece in self._pieces(page.uploads):
            if not await self._send(piece):
                return False
        self._seq = page.seq
        return page.last or self._full

    def _pieces(self, uploads: Sequence[Numbered]) -> Iterator[bytes]:
        piece = bytearray()
        for numbered in uploads:
            if self._full:
                break
            piece += self._row(numbered)
            if len(piece) >= _PIECE:
                yield bytes(piece)
                piece.clear()
        yield bytes(piece)

    def _row(self, numbered: Numbered) -> bytes:
        separator = self._query.form.separator if self._count else b""
        self._seq = self.cursor = numbered.seq
        self._count += 1
        members = upload_object(numbered.upload, numbered.seq, self._query.endpoint, self._context.engine.clock())
        return separator + self._query.form.row(members)

    async def _send(self, piece: bytes) -> bool:
        return not piece or await self._body.write(piece)

    async def _follow(self) -> None:
        """Send the uploads of the list when they change, until the server shuts down or `limit` rows have been sent in
        all: an upload that changes again is one more row. After `heartbeat` seconds of silence, send a blank line.
        Raises StateUnavailable; ConnectionError, also without sending, once the client is gone."""
        while not self._full and not self._context.concurrency.closed:
            await asyncio.sleep(_LOOK_SECONDS)
            if not self._body.connected:
                raise ConnectionResetError
            last = await self._context.last_seq.get()
            if last > self._seq:
                await self._tell_pages()
                self._seq = max(self._seq, last)
            elif self._body.silence >= self._context.heartbeat:
                await self._body.send(b"\n")


def _read_query(request: web.Request, context: Context) -> ListQuery:
    """Return the list that the request asks for, within what its caller may see. Raises BadQuery, Malformed, and what
    `watcher_of` raises."""
    watcher = watcher_of(request, context)
    form = read_list_format(request, FORMATS)
    follow = read_flag(request, "follow")
    if follow and form is not NDJSON:
        raise BadQuery("follow goes with format=ndjson alone")
    return ListQuery(
        form=form,
        since=read_number(request, "since", 0),
        limit=_limit(request, form),
        follow=follow,
        selection=_selection(request),
        watcher=watcher,
        endpoint=context.endpoint(request),
    )


def _limit(request: web.Request, form: ListFormat) -> int | None:
    if form is JSON:
        return read_number(request, "limit", _JSON_ROWS, _JSON_ROWS)
    return read_number(request, "limit", 0) if "limit" in request.query else None


def _selection(request: web.Request) -> UploadSelection:
    query = request.query
    phases = frozenset(query["phase"].split(",")) if "phase" in query else None
    metadata = tuple(
        (name.removeprefix(_META), value.encode()) for name, value in query.items() if name.startswith(_META)
    )
    return UploadSelection(phases=phases, kind=query.get("kind"), owner=query.get("owner"), metadata=metadata)


UPLOAD_LIST = plain_route(GET=_list)
