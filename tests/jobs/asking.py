"""A client that asks for jobs, and waits for them."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.exchange import Answer
from tests.support.server import Server
from tests.support.tus import TusClient

ENDED = {"done", "failed", "cancelled"}
PATIENCE = 60.0
"""Seconds in which a job ends on a busy machine."""
Job = Mapping[str, Any]


async def until(fact: Callable[[], bool]) -> None:
    """Return once `fact` returns True. Raises TimeoutError after `PATIENCE` seconds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if fact():
                return
            await asyncio.sleep(0.05)


async def until_so(ask: Callable[[], Awaitable[bool]]) -> None:
    """Return once `ask` returns True. Raises TimeoutError after `PATIENCE` seconds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if await ask():
                return
            await asyncio.sleep(0.1)


async def wait_until_begun(directory: Path, count: int) -> None:
    """Return once the command `wait` of the fixture `folder` has begun at least `count` times, as the file `begun` in
    `directory` (the test's `tmp_path`) tells. Raises TimeoutError after `PATIENCE` seconds."""
    path = directory / "begun"
    await until(lambda: path.exists() and len(path.read_text().split()) >= count)


class JobClient(TusClient):
    """A tus client of one server, which also asks for jobs and waits for their end."""

    def __init__(self, session: aiohttp.ClientSession, server: Server) -> None:
        super().__init__(session, server.url)
        self.server, self.http = server, session

    @property
    def origin(self) -> str:
        return self.server.origin

    async def uploaded(self, data: bytes, **metadata: str) -> str:
        """Create a finished upload with this data and metadata. Return its id."""
        fields = ",".join(f"{key} {base64_of(value)}" for key, value in metadata.items())
        url = await self.create(len(data), data, **({"upload_metadata": fields} if fields else {}))
        return url.rpartition("/")[2]

    async def ask(self, upload: object, kind: object, args: object = None, **members: object) -> Answer:
        message = {"upload": upload, "kind": kind, **({} if args is None else {"args": args}), **members}
        return await self.send("POST", f"{self.origin}/jobs", json.dumps(message).encode(), {})

    async def submit(self, upload: str, kind: str, args: object = None) -> Job:
        answer = await self.ask(upload, kind, args)
        assert answer.status == 202, answer
        job: Job = json.loads(answer.body)
        assert answer.headers["Location"] == f"{self.origin}/jobs/{job['id']}"
        return job

    async def job(self, job_id: str) -> Job:
        answer = await self.send("GET", f"{self.origin}/jobs/{job_id}", None, {})
        assert answer.status == 200, answer
        return dict(json.loads(answer.body))

    async def jobs(self, query: str = "") -> Sequence[Job]:
        answer = await self.send("GET", f"{self.origin}/jobs?format=json&{query}", None, {})
        assert answer.status == 200, answer
        return list(json.loads(answer.body)["jobs"])

    async def cancel(self, job_id: str) -> Answer:
        return await self.send("DELETE", f"{self.origin}/jobs/{job_id}", None, {})

    async def until(self, job_id: str, *phases: str, patience: float = PATIENCE) -> Job:
        """Return the job once it is in one of the phases. Raises TimeoutError after `patience` seconds."""
        async with asyncio.timeout(patience):
            while True:
                job = await self.job(job_id)
                if job["phase"] in phases:
                    return job
                await asyncio.sleep(0.1)

    async def ended(self, job_id: str, patience: float = PATIENCE) -> Job:
        return await self.until(job_id, *ENDED, patience=patience)

    async def do(self, upload: str, kind: str, args: object = None) -> Job:
        """Submit a job on the upload, and return the job once it has ended. Raises AssertionError if the server refuses
        it, TimeoutError after `PATIENCE` seconds."""
        return await self.ended((await self.submit(upload, kind, args))["id"])


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
