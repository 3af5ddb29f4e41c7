"""Promise 11: nothing a client sends is trusted."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from tests.support.bucket import upload_id
from tests.support.node import MIB, Node
from tests.support.raw import patching, requesting
from tests.support.tus import TUS, TusClient

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return {"network_timeout": "1s"}


def metadata(**values: bytes) -> str:
    return ",".join(f"{name} {base64.b64encode(value).decode()}" for name, value in values.items())


HOSTILE = [b"../../../etc/passwd", b"a\r\nSet-Cookie: x=1", b"\xff\xfe", b'"; filename="b.html', b"\0", "ü€😀".encode()]


@pytest.mark.parametrize("filename", HOSTILE)
async def test_metadata_never_becomes_a_key_or_a_header(node: Node, client: TusClient, filename: bytes) -> None:
    before = await node.residue()
    hostile = metadata(filename=filename, filetype=b"text/html\r\nX-Evil: 1", name=filename)
    url = await client.create(3, b"abc", upload_metadata=hostile)
    assert re.fullmatch(r"[0-9a-f]{32}", upload_id(url))
    assert set(await node.residue()) - set(before) == {upload_id(url)}
    answer = await client.fetch(url)
    assert answer.body == b"abc"
    assert "Set-Cookie" not in answer.headers
    assert "X-Evil" not in answer.headers
    assert answer.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "filetype", [b"text/html", b"image/svg+xml", b"application/xhtml+xml", b"text/xml", b"nonsense"]
)
async def test_active_content_is_never_served_inline(client: TusClient, filetype: bytes) -> None:
    hostile = metadata(filename=b"page.html", filetype=filetype)
    answer = await client.fetch(await client.create(3, b"<a>", upload_metadata=hostile))
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_an_id_is_ours_or_nothing(client: TusClient) -> None:
    for name in ("..%2f..%2fetc%2fpasswd", "A" * 32, "0" * 31, "%00", "state.db", ".tusd-py"):
        assert (await client.head(client.url + name)).status == 404


async def test_a_silent_body_is_given_up_and_kept(node: Node, client: TusClient) -> None:
    base, url = await node.received(), await client.create(2 * MIB)
    async with patching(url, 0, 2 * MIB) as request:
        await request.send(bytes(MIB))
        await node.until_received(base + MIB)
        assert await request.status() == 0, "a silent client is never answered"
    await node.until_idle()
    assert await client.offset(url) == MIB


async def test_lists_have_caps(client: TusClient) -> None:
    many = " ".join(f"{client.url}{number:032x}" for number in range(20_000))
    long = metadata(**{f"k{number}": b"v" * 100 for number in range(2_000)})
    for headers in ({"Upload-Concat": f"final;{many}"}, {"Upload-Length": "1", "Upload-Metadata": long}):
        async with requesting("POST", client.url, **TUS, **headers, content_length=0) as request:
            assert 400 <= await request.status() < 500
    assert (await client.try_create(10**30)).status in (400, 413)
