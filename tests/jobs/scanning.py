"""Servers that scan, and their refusals."""

from __future__ import annotations

from typing import Any

import aiohttp

from devtools.clamd import Clamd, FakeClamd
from tests.jobs.asking import JobClient
from tests.support.exchange import Answer
from tests.support.installation import Start


async def serve(
    start: Start, session: aiohttp.ClientSession, clamd: Clamd | FakeClamd, *, silence: str = "2s", **settings: Any
) -> JobClient:
    """Return the client of a server that scans by this daemon; `silence` is the setting `clamd-timeout`."""
    server = start(clamd=clamd.address, clamd_timeout=silence, listing=True, gone_status=410, **settings)
    await server.start()
    return JobClient(session, server)


def refusal(answer: Answer) -> tuple[int, bytes]:
    return answer.status, answer.body.partition(b":")[0]
