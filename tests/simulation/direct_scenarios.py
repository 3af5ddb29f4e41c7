"""Scenarios of clients whose bytes bypass the server."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.simulation.client import Vanished
from tests.simulation.contents import content
from tests.simulation.direct import DirectClient
from tests.simulation.world import Violation, World
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.direct_rules import TOUCH
from tusd_py.domain.limits import Limits

_COUNTED = Limits().upload_url_lifetime + TOUCH + 1
"""The seconds after which a sweep counts the bytes that a client has stored as parts since the beginning: all requests
that were signed at the beginning have expired then."""


async def parts(world: World) -> None:
    client = DirectClient(world, content(29), roams=True)
    await client.begin()
    await client.send_parts()
    await client.complete()
    await client.download()
    await client.fetch()


async def twice(world: World) -> None:
    """Two requests complete the same upload at the same time, after each part was sent twice."""
    client = DirectClient(world, content(21))
    await client.begin(with_length=False)
    await client.send_parts()
    await client.send_parts(all_again=True)
    await asyncio.gather(client.complete(), client.complete())


async def abort(world: World) -> None:
    client = DirectClient(world, content(20))
    await client.begin()
    await client.send_parts()
    await client.abort()


async def abandon(world: World) -> None:
    client = DirectClient(world, content(20))
    await client.begin(late=True)
    await client.send_parts()


async def whole(world: World) -> None:
    client = DirectClient(world, content(9))
    await client.begin(mode=DirectMode.WHOLE)
    await client.send_whole()
    await client.look()
    await client.download()


async def unasked(world: World) -> None:
    """Sweeps find an upload that was sent in one request and that its client never asks about; an upload whose bytes
    never come expires."""
    client = DirectClient(world, content(9))
    await client.begin(mode=DirectMode.WHOLE, with_length=False)
    await DirectClient(world, content(8)).begin(mode=DirectMode.WHOLE)
    await asyncio.sleep(40)
    await world.sweep()
    await client.send_whole(form=True)


async def too_long(world: World) -> None:
    """An upload whose client sends more bytes than allowed in one request, which no signature prevents, ends instead of
    being finished."""
    client = DirectClient(world, content(9))
    await client.begin(mode=DirectMode.WHOLE, with_length=False)
    await client.send_whole(surplus=12)
    with suppress(Vanished):
        await client.look()
        raise Violation("more bytes were taken than an upload may have")


async def too_many(world: World) -> None:
    """If the bucket holds more bytes of an upload than were announced, sweeps end the upload long before it expires,
    with all that it stored."""
    client = DirectClient(world, content(20))
    await client.begin()
    await client.send_parts()
    client.send_surplus(21)
    await asyncio.sleep(_COUNTED)
    for _ in range(3):
        await world.sweep()
        await asyncio.sleep(60)
    with suppress(Vanished):
        await client.complete()
        raise Violation("more bytes were kept than were announced")


async def replaced(world: World) -> None:
    """An object that is replaced by the same signed request, with other bytes, after the upload is done isn't
    served."""
    client = DirectClient(world, content(9))
    await client.begin(mode=DirectMode.WHOLE)
    await client.send_whole()
    await client.look()
    await client.download()
    client.replace()
    with suppress(Vanished):
        await client.download()
        raise Violation("what replaced it was served")
