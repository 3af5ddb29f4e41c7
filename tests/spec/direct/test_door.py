"""A request from a page of another origin is refused in the format of the requested route: JSON, XML or text."""

from __future__ import annotations

import aiohttp
import pytest

from tests.support.sites import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOREIGN = {"Origin": "https://elsewhere.example", "Content-Type": "application/json"}


async def test_json_routes_refuse_another_origin_in_json(session: aiohttp.ClientSession, strict: Site) -> None:
    async with session.post(f"{strict.server.origin}/s3/multipart", json={}, headers=FOREIGN) as answer:
        assert (answer.status, answer.content_type) == (403, "application/json")
        assert "forbidden" in (await answer.json()).values()


async def test_xml_routes_refuse_another_origin_in_xml(session: aiohttp.ClientSession, strict: Site) -> None:
    url = f"{strict.server.origin}/s3/xml/{'a' * 32}?key=a"
    async with session.post(url, data=b"<a/>", headers=FOREIGN) as answer:
        assert (answer.status, answer.content_type) == (403, "application/xml")
        assert "<Code>" in await answer.text()


async def test_uploads_refuse_another_origin_in_text(session: aiohttp.ClientSession, strict: Site) -> None:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "1", "Origin": "https://elsewhere.example"}
    async with session.post(strict.server.url, headers=headers) as answer:
        assert (answer.status, answer.content_type) == (403, "text/plain")
        assert (await answer.text()).startswith("forbidden: ")
