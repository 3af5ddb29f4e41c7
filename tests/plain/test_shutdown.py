"""A form that is cut by the server's shutdown is answered 503 and leaves nothing."""

from __future__ import annotations

import asyncio
from functools import partial

from tests.plain.conftest import Open
from tests.plain.forms import encoded, file, form_fields
from tests.plain.test_refused import reached
from tests.support.raw import requesting
from tests.support.tus import until
from tests.support.writing import random_bytes


async def test_a_form_at_a_shutdown_is_told_to_come_again(start: Open) -> None:
    whole = encoded([file(b"whole"), file(random_bytes(300_000))])
    async with start() as place:
        before = place.contents()
        fields = {"content_type": form_fields()["Content-Type"], "content_length": len(whole)}
        async with requesting("POST", place.server.url, **fields) as connection:
            await connection.send(whole[:-1000])
            await until(partial(reached, place, 100_000))
            ended = asyncio.create_task(place.server.stop())
            assert (await connection.answer()).status == 503
            assert await ended == 0
        assert place.contents() == before
