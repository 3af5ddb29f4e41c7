"""Each file of a form is an upload, with the fields before it as metadata."""

from __future__ import annotations

import base64

import aiohttp
import pytest

from tests.e2e.curl import run
from tests.plain.conftest import Place
from tests.plain.forms import Part, PlainClient, encoded, file, form_fields
from tests.support.exchange import Answer
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="session")


def metadata(answer: Answer) -> dict[str, bytes]:
    pairs = answer.headers.get("Upload-Metadata", "").split(",")
    return {key: base64.b64decode(value) for key, _, value in (pair.partition(" ") for pair in pairs)}


async def test_files_and_fields(client: PlainClient) -> None:
    content = random_bytes(300_000)
    answer = await client.post(
        Part("album", b"2026 \xc3\xbc"), file(content, "c:\\x\\one.bin", None), file(b"", "b/two.txt")
    )
    assert answer.status == 201
    one, two = answer.json["uploads"]
    assert answer.url == one["url"] == client.url + one["id"]
    assert [one["filename"], one["length"], two["filename"], two["length"]] == ["one.bin", 300_000, "two.txt", 0]
    assert await client.content(one["url"]) == content
    head = await client.head(one["url"])
    assert (head.etag, head.headers["Upload-Length"]) == (one["etag"], "300000")
    assert metadata(head) == {"album": b"2026 \xc3\xbc", "filename": b"one.bin"}
    assert metadata(await client.head(two["url"]))["filetype"] == b"text/plain"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a%22b%0D%0Ac%41.txt", 'a"b\r\nc%41.txt'),
        (r"a\"b.txt", 'a"b.txt'),
        ("ü ñ.txt", "ü ñ.txt"),
        ("/etc/a;b=c.txt", "a;b=c.txt"),
    ],
)
async def test_a_file_has_the_name_that_was_meant(client: PlainClient, written: str, expected: str) -> None:
    answer = await client.post(file(b"x", written))
    assert [upload["filename"] for upload in answer.json["uploads"]] == [expected]


async def test_an_extended_file_name_is_ignored(client: PlainClient) -> None:
    extended = b"Content-Disposition: form-data; name=f; filename*=UTF-8''b; filename=a\r\n\r\nx"
    assert (await client.post(extended)).json["uploads"][0]["filename"] == "a"


async def test_own_name_and_type_win_over_fields(client: PlainClient) -> None:
    fields = [Part("filename", b"field"), Part("filetype", b"text/x"), Part("a", b"1"), Part("a", b"2")]
    url = (await client.post(*fields, file(b"x", "own", "text/y"))).url
    bare = (await client.post(*fields, file(b"x", "", None))).url
    assert metadata(await client.head(url)) == {"filename": b"own", "filetype": b"text/y", "a": b"2"}
    assert metadata(await client.head(bare)) == {"filename": b"field", "filetype": b"text/x", "a": b"2"}


async def test_an_input_without_a_file_is_passed_over(client: PlainClient) -> None:
    answer = await client.post(file(b"", "", "application/octet-stream"), file(b"x"), file(b"", ""))
    assert [upload["length"] for upload in answer.json["uploads"]] == [1]


async def test_preamble_line_and_epilogue_are_taken(client: PlainClient) -> None:
    body = b"\r\n" + encoded([file(b"x")]) + b"epilogue"
    assert (await client.send("POST", "", body, form_fields())).status == 201


async def test_a_browser_gets_a_page_without_a_script(client: PlainClient) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    answer = await client.post(file(b"x", "<script>&.txt"), Accept=accept)
    assert answer.status == 201
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert f'<a href="{answer.url}">&lt;script&gt;&amp;.txt</a>' in answer.body.decode()


async def test_a_redirect_within_the_origin_has_the_ids(client: PlainClient) -> None:
    query = f"?success_action_redirect={client.origin}/done%3Fa=b%23c"
    answer = await client.post(file(b"x"), file(b"y"), query=query)
    before, _, after = answer.headers["Location"].partition("?")
    assert (answer.status, before) == (303, f"{client.origin}/done")
    assert [pair.split("=")[0] for pair in after.removesuffix("#c").split("&")] == ["a", "upload", "upload"]


@pytest.mark.parametrize("url", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", "/x"])
async def test_any_other_redirect_is_ignored(client: PlainClient, url: str) -> None:
    assert (await client.post(file(b"x"), query=f"?success_action_redirect={url}")).status == 201


async def test_curl_sends_forms(place: Place, client: PlainClient, curl: str) -> None:
    name = 'a"b ü.txt'
    answer = await run(
        curl, place.server.url, "-F", "title=x", "-F", "f=@-;filename=" + name, data=b"hello", Tus_Resumable=""
    )
    assert answer.status == 201
    assert metadata(await client.head(answer.headers["location"]))["title"] == b"x"
    assert name.encode() == metadata(await client.head(answer.headers["location"]))["filename"]


async def test_aiohttp_sends_forms_in_chunks(place: Place, client: PlainClient, session: aiohttp.ClientSession) -> None:
    form = aiohttp.FormData()
    form.add_field("title", "x")
    form.add_field("file", random_bytes(200_000), filename="ü.bin", content_type="a/b")
    async with session.post(place.server.url, data=form, chunked=True) as answer:
        assert answer.status == 201
        assert await client.content(answer.headers["Location"]) == random_bytes(200_000)


async def test_the_other_protocols_answer_what_is_theirs(client: PlainClient) -> None:
    tus = await client.send("POST", "", b"", {"Tus-Resumable": "1.0.0", "Upload-Length": "5"})
    assert (tus.status, tus.headers["Tus-Resumable"]) == (201, "1.0.0")
    assert (await client.post(file(b"x"), Tus_Resumable="1.0.0")).status == 400
    assert (await client.post(file(b"x"), Upload_Length="5")).status == 412
    assert (await client.put("a", b"x", Upload_Offset="0")).status == 405
