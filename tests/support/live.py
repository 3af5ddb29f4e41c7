"""A listener of uploads, which reads Server-Sent Events and NDJSON. It asserts only that a stream of events has the
status 200, and that an event which a test expects comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

PATIENCE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A server-sent event as a client received it."""

    type: str
    id: str
    data: Any

    @property
    def revision(self) -> int:
        return int(self.id.partition(".")[0])


class Events:
    """A reader of the server-sent events of one response, in order; it counts the comments between them."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.comments = 0

    async def next(self) -> Sent | None:
        """Return the next event; None at the end of the response. Raises TimeoutError after 30 s without one."""
        fields = dict[str, str]()
        async with asyncio.timeout(PATIENCE):
            while line := (await self.answer.content.readline()).decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if line == "\n" and "data" in fields:
                    return Sent(type=fields["event"], id=fields["id"], data=json.loads(fields["data"]))
                if line.startswith(":"):
                    self.comments += 1
                elif line != "\n":
                    fields[name] = value
        return None

    async def expect(self, type_: str) -> Sent:
        """Return the next event of this type; others before it are dropped. Raises AssertionError if the response ends
        without one, TimeoutError after 30 s without any event."""
        while (event := await self.next()) is not None:
            if event.type == type_:
                return event
        raise AssertionError(f"no {type_} came")

    async def remaining(self) -> Sequence[Sent]:
        events = []
        while (event := await self.next()) is not None:
            events.append(event)
        return events


@asynccontextmanager
async def listening(session: aiohttp.ClientSession, url: str, **headers: str) -> AsyncIterator[Events]:
    """Send a GET for the URL with the header fields `headers`, `_` in their names for `-`, and yield the reader of the
    answer's events. Raises AssertionError unless its status is 200."""
    async with session.get(url, headers=fields(headers)) as answer:
        assert answer.status == 200, await answer.text()
        yield Events(answer)


def fields(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


async def lines(answer: aiohttp.ClientResponse) -> Sequence[Any]:
    """Read an NDJSON response to its end and return the value of each line that isn't empty."""
    return [json.loads(line) for line in (await answer.text()).splitlines() if line]


async def read_lines(session: aiohttp.ClientSession, url: str, lines: list[str]) -> None:
    """Send a GET for the URL and add each line of the answer, with its line break, to `lines` as it comes, until the
    answer ends. Any status is accepted."""
    async with session.get(url) as answer:
        while line := await answer.content.readline():
            lines.append(line.decode())
