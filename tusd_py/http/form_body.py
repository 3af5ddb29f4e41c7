"""The files in the body of a form, each as a body. Bytes of the request are read when the consumer of a file asks for
them."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator

from tusd_py.domain.form_refusals import BadForm
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.refusals import Refusal
from tusd_py.ports.body import Body, BodyEnd, Chunk
from tusd_py.protocol.plain.form import FileBegin, FormEvent, Mark, Parser


class BodyCut(Exception):
    """The body of the request ended too early, for the reason in that body's `end`."""


class FormBody:
    """The files of the form in the order sent. A file's body can be read only until the next file is asked for: then
    its unread bytes are skipped."""

    def __init__(self, body: Body, parser: Parser) -> None:
        self._body, self._parser = body, parser
        self._chunks = body.chunks(None)
        self._events: deque[FormEvent] = deque()
        self._ended = False
        self.stop = body.stop

    async def files(self) -> AsyncIterator[tuple[Metadata, FileBody]]:
        """Yield the metadata and the body of each file. Raises Refusal if the form is malformed or beyond its limits,
        BodyCut if the request's body ended too early."""
        while event := await self.next():
            if isinstance(event, FileBegin):
                yield event.metadata, FileBody(self)
            self._ended = self._ended or event is Mark.FORM

    async def next(self) -> FormEvent | None:
        """Return the next event of the parser; None once the request's body ended after a complete form. Raises Refusal
        (also the parser's), BodyCut."""
        while not self._events:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                self._check_end()
                return None
            self._events.extend(self._parser.feed(chunk))
        event = self._events.popleft()
        if isinstance(event, Refusal):
            raise event
        return event

    def _check_end(self) -> None:
        """Raise BodyCut if the body ended too early, BadForm if the form lacks its final boundary."""
        if self._body.end is not BodyEnd.COMPLETE:
            raise BodyCut
        if not self._ended:
            raise BadForm("the form has no final boundary")


class FileBody:
    """The `ports.body.Body` of one file. If the form is refused or the request is cut, its chunks end with an
    exception, not with a value of `end`."""

    def __init__(self, form: FormBody) -> None:
        self._form = form
        self._end = BodyEnd.COMPLETE

    @property
    def end(self) -> BodyEnd:
        return self._end

    def stop(self) -> None:
        self._form.stop()

    async def chunks(self, max_bytes: int | None) -> AsyncIterator[Chunk]:
        """Yield the file's chunks, `max_bytes` bytes at most: for more, `end` is TOO_LONG. Raises Refusal, BodyCut."""
        received = 0
        while isinstance(event := await self._form.next(), bytes | memoryview):
            received += len(event)
            if max_bytes is not None and received > max_bytes:
                self._end = BodyEnd.TOO_LONG
                return
            yield event
