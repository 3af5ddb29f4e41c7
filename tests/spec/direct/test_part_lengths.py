"""The lengths and numbers of the parts of direct uploads, which signatures bind and completions check, and completions
that lack parts."""

from __future__ import annotations

import os
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest

from devtools.seaweed import SeaweedFS
from tests.support.direct import MIB, DirectClient
from tests.support.sites import Site
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")
PART = 5 * MIB
FIRST, LAST = os.urandom(PART), os.urandom(1000)


async def test_a_signature_holds_for_its_part_alone(direct: DirectClient) -> None:
    upload, other_upload = await direct.begin(), await direct.begin()
    url = (await direct.sign(upload, 1)).json["url"]
    other_query = dict(parse_qsl(urlsplit((await direct.sign(other_upload, 1)).json["url"]).query))
    assert (await direct.request("PUT", url.replace("partNumber=1", "partNumber=2"), LAST)).status == 403
    assert (await direct.request("PUT", url.replace(upload.key, other_upload.key), LAST)).status == 403
    assert (await direct.request("PUT", _with(url, uploadId=other_query["uploadId"]), LAST)).status == 403
    assert (await direct.request("DELETE", url)).status == 403
    assert (await direct.request("GET", url)).status == 403
    assert (await direct.request("PUT", url, LAST)).status == 200


def _with(url: str, **changes: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode({**dict(parse_qsl(parts.query)), **changes})))


async def test_a_length_that_is_told_is_bound(direct: DirectClient) -> None:
    upload = await direct.begin()
    url = (await direct.sign(upload, 1, length=PART)).json["url"]
    assert (await direct.request("PUT", url, FIRST + b"!")).status == 403
    assert (await direct.request("PUT", url, FIRST)).status == 200


async def test_part_length_is_bound_by_the_announced_size(direct: DirectClient) -> None:
    upload = await direct.begin(size=PART + 1000)
    for number, body in ((1, FIRST), (2, LAST)):
        url = (await direct.sign(upload, number)).json["url"]
        assert (await direct.request("PUT", url, body + b"!")).status == 403
        assert (await direct.request("PUT", url, body[:-1])).status == 403
        assert (await direct.request("PUT", url, body)).status == 200
    refused = await direct.sign(upload, 2, length=1001)
    assert (refused.status, refused.json["error"]) == (400, "wrong-parts")
    assert refused.reason == "part 2 can have 1000 bytes at most"


async def test_a_client_may_tell_the_length_of_each_part(direct: DirectClient) -> None:
    upload, parts = await direct.begin(size=PART + 1000), []
    for number, body in ((1, FIRST + LAST[:500]), (2, LAST[500:])):
        url = (await direct.sign(upload, number, length=len(body))).json["url"]
        assert (await direct.request("PUT", url, body + b"!")).status == 403
        stored = await direct.request("PUT", url, body)
        parts.append({"PartNumber": number, "ETag": stored.headers["ETag"]})
    assert (await direct.complete(upload, parts)).status == 200
    assert await direct.content(upload.upload_id) == FIRST + LAST


async def test_a_client_may_part_it_in_its_own_way(direct: DirectClient) -> None:
    upload = await direct.begin(size=PART + 1000, metadata={"partsize": PART + 500})
    parts = await direct.parts(upload, FIRST + LAST[:500], LAST[500:])
    assert (await direct.complete(upload, parts)).status == 200
    assert await direct.content(upload.upload_id) == FIRST + LAST


async def test_what_has_only_one_part_has_its_length_bound_unasked(direct: DirectClient) -> None:
    upload = await direct.begin(size=1000)
    url = (await direct.sign(upload, 1)).json["url"]
    assert (await direct.request("PUT", url, LAST + b"!")).status == 403
    assert (await direct.request("PUT", url, LAST)).status == 200
    assert (await direct.sign(upload, 2)).json["error"] == "wrong-parts"


@pytest.mark.parametrize("number", [0, 10_001, 999_999_999_999])
async def test_numbers_that_no_part_has(direct: DirectClient, number: int) -> None:
    refused = await direct.sign(await direct.begin(), number)
    assert (refused.status, refused.json["error"]) == (400, "wrong-parts")


async def test_no_more_parts_than_the_announced_size_can_have(direct: DirectClient) -> None:
    upload = await direct.begin(size=2 * PART + 1)
    assert (await direct.sign(upload, 3)).status == 200
    refused = await direct.sign(upload, 4)
    assert (refused.status, refused.json["message"]) == (400, "the upload can't have a part 4")
    assert refused.reason == "the upload can't have a part 4"


async def test_fewer_bytes_than_were_announced_count_as_nothing(direct: DirectClient, tus: TusClient) -> None:
    upload = await direct.begin(size=PART + 1000)
    parts = await direct.parts(upload, FIRST)
    refused = await direct.complete(upload, parts)
    assert (refused.status, refused.json["error"]) == (400, "inconsistent-length")
    assert str(PART + 1000) in refused.json["message"]
    assert (await tus.get(direct.files + upload.upload_id)).status == 404
    parts.append(await direct.part(upload, 2, LAST))
    assert (await direct.complete(upload, parts)).status == 200


async def test_overfull_completion_removes_the_upload(direct: DirectClient, s3: Site, seaweed: SeaweedFS) -> None:
    """A completion with a part longer than announced answers 413 and removes the upload: a provider may not check the
    signed length, or another client may have stored the part."""
    direct_upload = await direct.begin(size=PART + 1000)
    parts = await direct.parts(direct_upload, FIRST, LAST)
    client, where = seaweed.client(), {"Bucket": seaweed.bucket, "Key": direct_upload.key}
    (upload,) = client.list_multipart_uploads(Bucket=seaweed.bucket, Prefix=direct_upload.key)["Uploads"]
    answer = client.upload_part(**where, UploadId=upload["UploadId"], PartNumber=2, Body=LAST + b"!")
    refused = await direct.complete(direct_upload, [parts[0], {"PartNumber": 2, "ETag": answer["ETag"]}])
    assert (refused.status, refused.json["error"]) == (413, "too-large")
    assert refused.reason == f"the upload can have {PART + 1000} bytes at most"
    assert not s3.traces(direct.files + direct_upload.upload_id)
    assert (await direct.sign(direct_upload, 1)).status == 404


async def test_missing_parts_are_told_and_nothing_is_lost(direct: DirectClient) -> None:
    upload = await direct.begin()
    first, second, third = await direct.parts(upload, FIRST, FIRST, LAST)
    forged = {"PartNumber": 3, "ETag": '"0123456789abcdef0123456789abcdef"'}
    for parts, message in (
        ([first, second], "part 3 isn't named where it should be"),
        ([first, third], "part 2 isn't named where it should be"),
        ([second, first, third], "part 1 isn't named where it should be"),
        ([first, second, second, third], "part 3 isn't named where it should be"),
        ([first, second, third, {**third, "PartNumber": 4}], "part 4 isn't stored"),
        ([first, second, forged], "part 3 isn't stored with that ETag"),
        ([], "part 1 isn't named where it should be"),
    ):
        refused = await direct.complete(upload, parts)
        assert (refused.status, refused.json["message"]) == (400, message)
    assert (await direct.complete(upload, [first, second, third])).status == 200
    assert await direct.content(upload.upload_id) == FIRST + FIRST + LAST


async def test_an_upload_of_no_part(direct: DirectClient) -> None:
    refused = await direct.complete(await direct.begin(), [])
    assert (refused.status, refused.json["message"]) == (400, "name at least one part")


async def test_a_part_that_never_came(direct: DirectClient) -> None:
    upload = await direct.begin()
    parts = [await direct.part(upload, 1, FIRST), await direct.part(upload, 3, LAST)]
    refused = await direct.complete(upload, parts)
    assert (refused.status, refused.json["message"]) == (400, "part 2 isn't named where it should be")


async def test_parts_that_s3_would_refuse_once_it_is_too_late(direct: DirectClient) -> None:
    upload = await direct.begin()
    parts = await direct.parts(upload, LAST, LAST)
    refused = await direct.complete(upload, parts)
    assert (refused.status, refused.json["error"]) == (400, "wrong-parts")
    assert "part 1 has fewer than 5242880 bytes" in refused.json["message"]
