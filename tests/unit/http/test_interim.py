"""Interim responses on a connection."""

from __future__ import annotations

from typing import Any, cast

import pytest
from aiohttp import HttpVersion10, HttpVersion11
from aiohttp.test_utils import make_mocked_request

from tests.support.uploads import upload
from tusd_py.domain.limits import Limits
from tusd_py.http.connection.interim import Interim
from tusd_py.protocol.choice import Interim as Setting
from tusd_py.protocol.choice import Wires
from tusd_py.protocol.wire import RequestHead


class Transport:
    """A transport that keeps the bytes written to it, and tells that `unsent` of them aren't sent yet."""

    def __init__(self) -> None:
        self.written, self.unsent, self.closing = b"", 0, False

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, *_: object) -> None:
        return None


def interim(transport: Transport, version: Any = HttpVersion11) -> Interim:
    request = make_mocked_request("PATCH", "/", version=version, transport=cast("Any", transport))
    fields = {"Upload-Draft-Interop-Version": "8", "Upload-Complete": "?1"}
    head = RequestHead(method="PATCH", on_upload=True, headers=fields, content_length=5)
    wire = Wires(Limits(), lambda: 0.0, Setting.ON).choose(head)
    return Interim(request, wire, lambda upload: f"http://x/files/{upload.id}")


async def test_a_client_is_told_where_its_upload_is() -> None:
    transport = Transport()
    assert await interim(transport).on_created(upload())
    assert transport.written.startswith(b"HTTP/1.1 104 Upload Resumption Supported\r\n")
    assert transport.written.endswith(b"\r\n\r\n")
    assert f"\r\nLocation: http://x/files/{upload().id}\r\n".encode() in transport.written


async def test_nothing_piles_up_for_a_client_that_does_not_read() -> None:
    transport = Transport()
    telling = interim(transport)
    telling.on_progress(upload(offset=3))
    first_count = transport.written
    assert b"Upload-Offset: 3\r\n" in first_count
    transport.unsent = 1
    telling.on_progress(upload(offset=4))
    assert transport.written == first_count


@pytest.mark.parametrize(("version", "closing"), [(HttpVersion10, False), (HttpVersion11, True)])
async def test_who_cannot_hear_it_is_not_told_and_does_not_know(version: Any, *, closing: bool) -> None:
    transport = Transport()
    transport.closing = closing
    assert not await interim(transport, version).on_created(upload())
    interim(transport, version).on_progress(upload(offset=3))
    assert transport.written == b""
