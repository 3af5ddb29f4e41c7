"""Connections to NATS that are refused."""

from __future__ import annotations

import asyncio

import pytest
from nats.errors import NoServersError

from devtools.ports import free_port
from tusd_py.events_out.sinks.nats_stream import NatsSubject


async def test_a_refused_connection_fails_at_once() -> None:
    """The library doesn't try a refused connection again and again until the attempt's time is over."""
    subject = NatsSubject(f"nats://127.0.0.1:{free_port()}", "uploads")
    async with asyncio.timeout(60):
        with pytest.raises(NoServersError):
            await subject._connected()
    await subject.aclose()
