"""Attacks on the routes of direct uploads: to reach another upload, to store more than is allowed, to create uploads
from pages of other sites, and to send what can't be read."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import aiohttp
import pytest

from devtools.seaweed import SeaweedFS
from tests.support.direct import MIB, DirectClient
from tests.support.sites import Site, s3_site
from tests.support.tus import TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

PART = 5 * MIB
JSON = {"Content-Type": "application/json"}
FIRST, LAST = os.urandom(PART), os.urandom(1000)


async def test_neither_key_nor_upload_can_be_swapped(direct: DirectClient) -> None:
    mine, foreign = await direct.begin(), await direct.begin()
    parts = await direct.parts(foreign, LAST)
    for swapped in (mine.but(key=foreign.key), foreign.but(key=mine.key), mine.but(key=""), mine.but(key="other")):
        for answer in (
            await direct.sign(swapped, 1),
            await direct.stored(swapped),
            await direct.complete(swapped, parts),
            await direct.abort(swapped),
            await direct.presign(method="PUT", key=swapped.key, uploadId=swapped.upload_id, partNumber=1),
        ):
            assert (answer.status, answer.json["error"]) == (404, "not-found")
    assert (await direct.complete(foreign, parts)).status == 200


@pytest.mark.parametrize("wrong", ["x", "0" * 32, "0" * 31, "A" * 32, "%00", "..%2f..%2fsecret"])
async def test_an_id_that_is_none_of_ours_is_unknown(direct: DirectClient, wrong: str) -> None:
    upload = await direct.begin()
    assert (await direct.sign(upload.but(upload_id=wrong), 1)).status == 404
    assert (await direct.abort(upload.but(upload_id=wrong))).status == 404


async def test_uploads_of_another_way_in_are_unknown_here(direct: DirectClient, tus: TusClient) -> None:
    url = await tus.create(10)
    upload_id = url.rpartition("/")[2]
    upload = (await direct.begin()).but(upload_id=upload_id)
    assert (await direct.sign(upload, 1)).status == 404
    whole = await direct.params(size=5)
    upload = upload.but(upload_id=whole["fields"]["x-amz-meta-tus-id"], key=whole["fields"]["key"])
    assert (await direct.sign(upload, 1)).status == 404
    assert (await direct.abort(upload)).status == 404


async def test_more_than_max_size_isnt_announced(direct_strict: DirectClient) -> None:
    for fields in ({"size": 6 * MIB + 1}, {"metadata": {"filesize": "6291457"}}):
        refused = await direct_strict.ask("POST", "multipart", {"filename": "f", "type": "", **fields})
        assert (refused.status, refused.json["error"]) == (413, "too-large")
        assert refused.reason == "the upload can have 6291456 bytes at most"
    assert (await direct_strict.ask("GET", "params", filename="f", size=6 * MIB + 1)).status == 413


async def test_more_than_max_size_is_never_stored(direct_strict: DirectClient) -> None:
    upload = await direct_strict.begin(size=6 * MIB)
    urls = [(await direct_strict.sign(upload, number)).json["url"] for number in (1, 2)]
    for url in urls:
        assert (await direct_strict.request("PUT", url, bytes(6 * MIB))).status == 403
    assert (await direct_strict.sign(upload, 1, length=6 * MIB + 1)).status == 400
    assert (await direct_strict.sign(upload, 3)).status == 400
    assert (await direct_strict.stored(upload)).json == []
    assert (await direct_strict.complete(upload, await direct_strict.parts(upload, FIRST, bytes(MIB)))).status == 200


async def test_max_size_requires_an_announced_size(direct_strict: DirectClient) -> None:
    for route, document in (("multipart", {"filename": "f", "type": ""}), ("presign", {"method": "POST", "key": "f"})):
        refused = await direct_strict.ask("POST", route, document)
        assert (refused.status, refused.json["error"]) == (400, "malformed")
        assert refused.reason == "tell the upload's size, as filesize in its metadata: it is limited here"


async def test_repeated_part_ends_its_upload(
    seaweed: SeaweedFS, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    """An upload of 5 MiB and 1000 bytes is removed long before it expires if its stored parts, all repeats included,
    have more than 40 MiB plus twice its length: the first part, of 5 MiB, stored 11 times is too much, 3 times
    isn't."""
    async with s3_site(tmp_path, seaweed, direct_uploads=True, upload_url_lifetime="5s") as site:
        direct = DirectClient(session, site.server.url)
        honest, greedy = [await direct.begin(size=PART + 1000) for _ in range(2)]
        for upload, times in ((honest, 3), (greedy, 11)):
            for _ in range(times):
                await direct.part(upload, 1, FIRST)

        async def ended() -> bool:
            return not site.traces(direct.files + greedy.upload_id)

        await until(ended, within=110)
        assert (await direct.complete(honest, await direct.parts(honest, FIRST, LAST))).status == 200
        await site.stop()


async def test_an_expired_signature_is_worth_nothing(direct_fleeting: DirectClient) -> None:
    upload = await direct_fleeting.begin()
    signed = await direct_fleeting.sign(upload, 1)
    assert signed.json["expires"] == 4

    async def expired() -> bool:
        answer = await direct_fleeting.request("PUT", signed.json["url"], LAST)
        return answer.status == 403 and b"Request has expired" in answer.body

    await until(expired)


async def test_what_is_switched_off_stays_off(direct_strict: DirectClient) -> None:
    upload = await direct_strict.begin(size=len(LAST))
    refused = await direct_strict.abort(upload)
    assert (refused.status, refused.json["error"]) == (405, "method-not-allowed")
    assert (await direct_strict.sign(upload, 1)).status == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "send a JSON object"),
        (b"[]", "send a JSON object"),
        (b"[" * 5000 + b" " * 50_000, "send a JSON object"),
        (b"[" * 100_000, "the JSON has too many values for its length"),
        (b'{"metadata": "x"}', "metadata must be an object"),
        (b'{"metadata": {"a b": "x"}}', "a key in metadata must be visible ASCII without commas, and not empty"),
        (b'{"metadata": {"a": {}}}', "metadata must be text: 'a' is not"),
        (b'{"size": -1}', "size must be a non-negative integer"),
        (b'{"size": "1.5"}', "size must be a non-negative integer"),
        (b'{"metadata": {"a": "%s"}}' % (b"x" * 20_000), "the metadata is longer than 16384 bytes"),
    ],
)
async def test_what_can_not_be_read_is_refused_in_words(direct: DirectClient, body: bytes, message: str) -> None:
    refused = await direct.request("POST", f"{direct.url}/multipart", body, JSON)
    assert (refused.status, refused.json) == (400, {"error": "malformed", "message": message})


async def test_a_body_without_end_is_cut(direct: DirectClient) -> None:
    refused = await direct.request("POST", f"{direct.url}/multipart", bytes(3 * MIB), JSON)
    assert (refused.status, refused.json["error"]) == (413, "too-large")


async def test_metadata_reaches_neither_key_nor_header_raw(direct: DirectClient, seaweed: SeaweedFS) -> None:
    upload = await direct.begin("../../etc/x\r\nX-Evil: 1.html", type="text/html", metadata={"name": "ä\r\nb"})
    assert upload.key.endswith(upload.upload_id)
    assert (await direct.complete(upload, await direct.parts(upload, LAST))).status == 200
    answer = await direct.request("GET", direct.files + upload.upload_id)
    assert "X-Evil" not in answer.headers
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    head = seaweed.client().head_object(Bucket=seaweed.bucket, Key=upload.key)
    assert head["ContentDisposition"] == answer.headers["Content-Disposition"]


async def test_two_completions_at_a_time_make_one_object(direct: DirectClient, tus: TusClient) -> None:
    finished = await tus.metric("uploads_finished_total")
    upload = await direct.begin()
    parts = await direct.parts(upload, FIRST, LAST)
    answers = await asyncio.gather(*(direct.complete(upload, parts) for _ in range(4)))
    assert {answer.status for answer in answers} <= {200, 503}
    assert any(answer.status == 200 for answer in answers)
    assert await tus.metric("uploads_finished_total") == finished + 1


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
@pytest.mark.parametrize("route", ["multipart", "presign", f"multipart/{'0' * 32}/complete"])
async def test_what_a_page_can_send_without_asking_first_is_no_json(
    direct: DirectClient, route: str, kind: str
) -> None:
    headers = {"Content-Type": kind, "Origin": "https://any.example"}
    refused = await direct.request("POST", f"{direct.url}/{route}?key=x", b'{"filename": "a"}', headers)
    assert refused.status in (415, 404)  # the upload that a completion names is looked for first
    script = await direct.request("POST", f"{direct.url}/multipart", b'{"filename": "a"}', {"Content-Type": kind})
    assert script.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    ],
)
async def test_other_sites_pages_make_no_uploads(
    strict: Site, session: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    client = DirectClient(session, strict.server.url)
    signed = await client.request("GET", f"{client.url}/params?filename=x", headers=headers)
    assert signed.status == 403
    created = await client.request("POST", f"{client.url}/multipart", b'{"filename": "a"}', {**JSON, **headers})
    assert created.status == 403


@pytest.mark.parametrize("destination", ["iframe", "document"])
async def test_no_link_or_frame_makes_an_upload(direct: DirectClient, destination: str) -> None:
    fields = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": destination}
    for site, status in {"cross-site": 403, "same-origin": 200, "none": 200}.items():
        url = f"{direct.url}/params?filename=x"
        assert (await direct.request("GET", url, headers={"Sec-Fetch-Site": site, **fields})).status == status


async def test_a_host_that_makes_no_url_changes_nothing(s3: Site, direct: DirectClient) -> None:
    upload = await direct.begin()
    parts, headers = await direct.parts(upload, LAST), {**JSON, "Host": "a b"}
    markup = "".join(f"<Part><PartNumber>1</PartNumber><ETag>{part['ETag']}</ETag></Part>" for part in parts)
    before = s3.server.log().count("upload created")
    for route, body in {
        "presign": json.dumps({"method": "POST", "key": "a.bin"}),
        f"multipart/{upload.upload_id}/complete?key={upload.key}": json.dumps({"parts": parts}),
        f"xml/{upload.upload_id}?key={upload.key}": f"<CompleteMultipartUpload>{markup}</CompleteMultipartUpload>",
    }.items():
        refused = await direct.request("POST", f"{direct.url}/{route}", body, headers)
        assert (refused.status, b"build a URL" in refused.body) == (400, True), route
    assert s3.server.log().count("upload created") == before > 0
    assert len((await direct.stored(upload)).json) == 1
    assert (await direct.complete(upload, parts)).status == 200


async def test_a_completion_of_no_upload_is_not_read(direct: DirectClient) -> None:
    """A completion in XML for an unknown upload answers 404 before its body is parsed, also if that is long and
    malformed."""
    for body in (b"<Part><PartNumber>1</PartNumber><ETag>" + b" " * 200_000, b"<Part>" * 200_000):
        refused = await direct.request("POST", f"{direct.url}/xml/{'0' * 32}?key=x", body)
        assert refused.status == 404


async def test_a_content_type_counts_as_metadata(direct: DirectClient) -> None:
    document = (await direct.presign(method="POST", key="a.bin")).json
    refused = await direct.request("POST", document["url"], b"", {"Content-Type": "a" * 200_000})
    assert (refused.status, b"the metadata is longer" in refused.body) == (400, True)


@pytest.mark.parametrize("key", ["\\ud800", "\\udfff x"])
async def test_half_a_character_is_no_key(direct: DirectClient, key: str) -> None:
    body = f'{{"method": "GET", "key": "{key}", "uploadId": "{"0" * 32}"}}'.encode()
    assert (await direct.request("POST", f"{direct.url}/presign", body, JSON)).status == 400
