"""Requests of one client, to the servers of its deployment or to S3, written down with their answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import aiohttp

from tests.storm.history import History, Tally
from tests.support.bucket import upload_id
from tests.support.exchange import Answer, Body, exchange
from tests.support.tus import header_fields
from tests.support.within import within

PATIENCE = 30.0
"""Seconds a client waits for an answer before it asks again; for a download, twice as long."""

_SHOWN = ("Upload-Offset", "Upload-Length", "Upload-Complete", "Upload-Incomplete", "Upload-Expires", "Retry-After")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Answer):
    """An answer, and when its request went out, as `time.time()` tells it."""

    asked_at: float


class Talk:
    """The way in which one client sends requests; each is counted in `tally`, and kept in `history` with its answer.
    `urls` are the creation endpoints of one deployment's servers."""

    def __init__(
        self, session: aiohttp.ClientSession, urls: Sequence[str], dice: Random, history: History, tally: Tally
    ) -> None:
        self.dice = dice
        self.history = history
        self.tally = tally
        self.hurried = False
        """True once the storm's time is over, if the client is still at work then: it finishes soon, in large requests
        without pauses between them."""
        self.asking = ""
        """A request without an answer so far, for reports; empty if none is known. Of requests sent at the same time
        only the last is kept, until any of them is answered or fails."""
        self._session = session
        self._urls = urls

    def endpoint(self) -> str:
        return self.dice.choice(self._urls)

    def anywhere(self, url: str) -> str:
        """Return the upload's URL at one of the servers, chosen at random."""
        return self.endpoint() + upload_id(url)

    async def ask(self, method: str, url: str, body: Body = None, /, **headers: object) -> Reply | None:
        """Send a request and return its answer; None if the connection fails, or if the whole answer takes longer than
        `PATIENCE` seconds. Header names are written with underscores; a field that is None is left out."""
        fields = header_fields(headers)
        size = len(body) if isinstance(body, bytes) else "-" if body is None else "?"
        asked_at, started = time.time(), time.monotonic()
        request_line = self.asking = f"{method} {url} {_short(fields)} {size} bytes"
        try:
            reply = await within(PATIENCE, self._send(method, url, body, fields, asked_at))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.wrote(request_line, f"nothing ({type(error).__name__})", started)
            return None
        self.wrote(request_line, f"{reply.status} {_short(reply.headers)} {_excerpt(reply)}", started)
        return reply

    def wrote(self, request_line: str, answered: str, started: float) -> None:
        """Count a request, and add it with its answer and duration to the history."""
        self.asking = ""
        self.tally.counts["requests"] += 1
        self.history.note(f"(took {time.monotonic() - started:.3f} s) {request_line} -> {answered}".rstrip())

    async def _send(self, method: str, url: str, body: Body, fields: Mapping[str, str], asked_at: float) -> Reply:
        answer = await exchange(self._session, method, url, body, fields)
        return Reply(
            status=answer.status, reason=answer.reason, headers=answer.headers, body=answer.body, asked_at=asked_at
        )

    async def compare(self, url: str, span: str | None, expect: Callable[[int, bytes], bool]) -> int | None:
        """Send a GET, with the Range `span` unless that is None; return its status, or -1 if `expect(position, chunk)`
        was False for a chunk of the body or, with b"", at its end. None if the connection fails or it takes longer than
        twice `PATIENCE`. A status other than 200 and 206 is returned without a comparison."""
        started, fields = time.monotonic(), {} if span is None else {"Range": span}
        self.asking = f"GET {url} {span}"
        try:
            status = await within(2 * PATIENCE, self._compare(url, fields, expect))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.wrote(f"GET {url} {span}", f"nothing ({type(error).__name__})", started)
            return None
        self.wrote(f"GET {url} {span}", str(status), started)
        return status

    async def _compare(self, url: str, fields: Mapping[str, str], expect: Callable[[int, bytes], bool]) -> int:
        at, right = 0, True
        async with self._session.get(url, headers=fields) as answer:
            if answer.status not in (200, 206):
                return answer.status
            async for chunk in answer.content.iter_any():
                right = right and expect(at, chunk)
                at += len(chunk)
            return answer.status if right and expect(at, b"") else -1


def _short(fields: Mapping[str, str]) -> str:
    return " ".join(f"{name}={fields[name]}" for name in (*_SHOWN, "Upload-Checksum", "Location") if name in fields)


def _excerpt(reply: Reply) -> str:
    return "" if reply.status < 400 else ascii(reply.body[:200].decode("utf-8", "replace"))
