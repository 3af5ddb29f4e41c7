"""The files in a form's body, each as a body. Its bytes are read when the consumer of the file asks for them."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator

from tusd_py.domain.form_refusals import BadForm
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.refusals import Refusal
from tusd_py.ports.body import Body, BodyEnd, Chunk
from tusd_py.protocol.plain.form import FileBegin, FormEvent, Mark, Parser


class BodyCut(Exception):
    """The request's body ended before its end (`Body.end` says why)."""


class FormBody:
    """The files of the form, of which each is to be read before the next."""

    def __init__(self, body: Body, parser: Parser) -> None:
        self._body, self._parser = body, parser
        self._chunks = body.chunks(None)
        self._events: deque[FormEvent] = deque()
        self._ended = False
        self.stop = body.stop

    async def files(self) -> AsyncIterator[tuple[Metadata, FileBody]]:
        """Yield each file's metadata and body. Raises Refusal, BodyCut."""
        while event := await self.next():
            if isinstance(event, FileBegin):
                yield event.metadata, FileBody(self)
            self._ended = self._ended or event is Mark.FORM

    async def next(self) -> FormEvent | None:
        """Return the next event, or None once the body of a whole form has ended. Raises Refusal, BodyCut."""
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
        """Check that the body wasn't cut, and that the form is whole. Raises BodyCut, BadForm."""
        if self._body.end is not BodyEnd.COMPLETE:
            raise BodyCut
        if not self._ended:
            raise BadForm("the form has no final boundary")


class FileBody:
    """A `ports.body.Body` of one file, which a refusal of the form or a cut breaks off with an error."""

    def __init__(self, form: FormBody) -> None:
        self._form = form
        self._end = BodyEnd.COMPLETE

    @property
    def end(self) -> BodyEnd:
        return self._end

    def stop(self) -> None:
        self._form.stop()

    async def chunks(self, max_bytes: int | None) -> AsyncIterator[Chunk]:
        """Yield at most `max_bytes` bytes. Raises Refusal, BodyCut."""
        received = 0
        while isinstance(event := await self._form.next(), bytes | memoryview):
            received += len(event)
            if max_bytes is not None and received > max_bytes:
                self._end = BodyEnd.TOO_LONG
                return
            yield event
