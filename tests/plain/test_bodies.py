"""With `plain-uploads`, each PUT to one path segment below the creation endpoint, and each POST there whose body is no
form, makes one upload."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from tests.e2e.curl import run
from tests.plain.conftest import Open, Place
from tests.plain.forms import PlainClient
from tests.support.writing import random_bytes

URLENCODED = "application/x-www-form-urlencoded"

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_curl_puts_a_file(place: Place, client: PlainClient, curl: str, tmp_path: Path) -> None:
    content = random_bytes(300_000)
    (tmp_path / "a b.bin").write_bytes(content)
    answer = await run(curl, place.server.url, "-T", str(tmp_path / "a b.bin"), Tus_Resumable="")
    assert answer.status == 201
    assert await client.content(answer.headers["location"]) == content


async def test_curl_puts_what_has_no_length(place: Place, client: PlainClient, curl: str) -> None:
    answer = await run(curl, f"{place.server.url}x.txt", "-T", "-", data=b"hello", Tus_Resumable="")
    assert await client.content(answer.headers["location"]) == b"hello"


@pytest.mark.parametrize(
    ("segment", "name"),
    [
        ("a.txt", "a.txt"),
        ("%C3%BC%20%2541", "ü %41"),
        ("a%2Fb.txt", "b.txt"),
        ("a%5Cc", "c"),
        ("a%2F", None),
        ("+", "+"),
    ],
)
async def test_the_segment_is_the_name(client: PlainClient, segment: str, name: str | None) -> None:
    answer = await client.put(segment, b"x")
    assert [upload["filename"] for upload in answer.json["uploads"]] == [name]


async def test_each_put_is_a_new_upload(client: PlainClient) -> None:
    first = await client.put("a.txt", b"x")
    again = await client.put(first.json["uploads"][0]["id"], b"y", Content_Type=URLENCODED)
    assert first.url != again.url
    assert "filetype" not in (await client.head(again.url)).headers["Upload-Metadata"]
    assert await client.content(first.url) == b"x"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename=a.txt", "a.txt"),
        (r'attachment; filename="c:\x\b.txt"', "b.txt"),
        ("attachment; filename=a; filename*=UTF-8''na%C3%AFve", "naïve"),
        ('attachment; filename="unfinished', None),
        ("", None),
    ],
)
async def test_a_post_is_named_by_its_disposition(client: PlainClient, disposition: str, name: str | None) -> None:
    fields = {"Content-Disposition": disposition, "Content-Type": "text/plain"}
    answer = await client.send("POST", "", b"x", fields)
    assert [(upload["filename"], upload["length"]) for upload in answer.json["uploads"]] == [(name, 1)]


async def test_what_is_refused(client: PlainClient) -> None:
    assert (await client.send("POST", "", b"a=b", {"Content-Type": URLENCODED})).status == 415
    assert (await client.put("", b"x")).status == 405
    assert (await client.put("a/b", b"x")).status == 405
    assert (await client.put("a/", b"x")).status == 405
    assert (await client.put("a", b"x", Content_Range="bytes 1-1/2")).body.startswith(b"malformed: ")


async def test_a_server_without_them_answers_as_ever(start: Open, session: aiohttp.ClientSession) -> None:
    async with start(plain_uploads=False) as place:
        plain_client = PlainClient(session, place.server.url)
        assert (await plain_client.put("a", b"x")).status == 405
        assert (await plain_client.send("POST", "", b"x", {"Content-Type": "text/plain"})).status == 412
