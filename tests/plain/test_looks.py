"""A HEAD of an upload that a PUT or a form is writing answers 423 and doesn't interrupt the writer, whose client
couldn't resume it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial

import pytest

from tests.plain.conftest import Place
from tests.plain.forms import PlainClient, encoded, file, form_fields
from tests.plain.test_refused import reached
from tests.support.raw import requesting
from tests.support.tus import until
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="session")
BYTES = random_bytes(300_000)
OPEN = "SELECT id FROM uploads WHERE json_extract(document, '$.phase') = 'open'"


@pytest.mark.parametrize("form", [True, False], ids=["form", "PUT"])
async def test_a_look_does_not_interrupt_it(place: Place, client: PlainClient, *, form: bool) -> None:
    body = encoded([file(BYTES)]) if form else BYTES
    fields = {"content_type": form_fields()["Content-Type"]} if form else {}
    method, url = ("POST", place.server.url) if form else ("PUT", f"{place.server.url}a")
    received = await place.server.metric("received_bytes_total")
    async with requesting(method, url, content_length=len(body), **fields) as connection:
        await connection.send(body[:-1000])
        await until(partial(reached, place, received + 100_000))
        with closing(sqlite3.connect(place.state)) as database:
            (upload_id,) = database.execute(OPEN).fetchone()
        assert (await client.head(f"{place.server.url}{upload_id}")).status == 423
        await connection.send(body[-1000:])
        assert (await connection.answer()).status == 201
    assert await client.content(f"{place.server.url}{upload_id}") == BYTES
