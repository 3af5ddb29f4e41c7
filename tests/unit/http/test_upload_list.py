"""While a client has stopped reading, the list of uploads sends it no further piece."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from tests.support.harness import Harness
from tusd_py.domain.rights import Watcher
from tusd_py.domain.selection import UploadSelection
from tusd_py.http.connection.body_stream import BodyStream
from tusd_py.http.context import Context
from tusd_py.http.handlers import upload_list
from tusd_py.http.handlers.upload_list import ListQuery, Teller
from tusd_py.protocol.listing import CSV, JSON, NDJSON, ListFormat


class Halting:
    """A response's body whose client stops reading after each piece, until `drained` is awaited. It also plays two
    parts of the server: the shutdown, which comes after three pieces (`closed`), and the source of the last event's
    number."""

    started, connected, silence = False, True, 60.0

    def __init__(self) -> None:
        self.pieces = list[bytes]()
        self._waits = False

    async def begin(self) -> None:
        self.started = True

    async def write(self, piece: bytes) -> bool:
        assert not self._waits
        self.pieces.append(piece)
        self._waits = True
        return False

    async def drained(self) -> None:
        self._waits = False

    async def send(self, piece: bytes) -> None:
        await self.write(piece)
        await self.drained()

    @property
    def closed(self) -> bool:
        return len(self.pieces) >= 3

    async def get(self) -> int:
        """Return the number of the last event, 0."""
        return 0


@pytest.mark.parametrize(
    ("form", "pieces"),
    [
        (CSV, [CSV.head, CSV.end("0", 0)]),
        (JSON, [JSON.head, JSON.end("0", 0)]),
        (NDJSON, [b"\n", b"\n", b"\n"]),
    ],
)
async def test_a_list_waits_for_a_client_after_each_piece(
    monkeypatch: pytest.MonkeyPatch, form: ListFormat, pieces: list[bytes]
) -> None:
    monkeypatch.setattr(upload_list, "_LOOK_SECONDS", 0)
    body = Halting()
    context = SimpleNamespace(engine=Harness().engine, concurrency=body, last_seq=body, heartbeat=15.0)
    query = ListQuery(
        form=form,
        since=0,
        limit=None,
        follow=form is NDJSON,
        selection=UploadSelection(),
        watcher=Watcher(sees_all=True),
        endpoint="https://host/files/",
    )
    await Teller(cast("Context", context), query, cast("BodyStream", body)).run()
    assert body.pieces == pieces
