"""`POST /s3/presign`, for `signRequest` of @uppy/aws-s3 6: it answers with URLs of S3 to send bytes, and with URLs of
this server to begin, list, complete or abort an upload in parts."""

from __future__ import annotations

import os
import re

import pytest

from devtools.seaweed import SeaweedFS
from tests.support.direct import MIB, DirectClient
from tests.support.sites import Site
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

PART = 5 * MIB
FIRST, LAST = os.urandom(PART), os.urandom(1000)


def text(tag: str, xml: bytes) -> str:
    match = re.search(f"<{tag}>([^<]*)</{tag}>", xml.decode())
    assert match is not None, xml
    return match[1]


async def test_parts_in_xml(direct: DirectClient, s3: Site, seaweed: SeaweedFS, tus: TusClient) -> None:
    create = (await direct.presign(method="POST", key="uuid-film.mp4")).json
    key = create["key"]
    assert create["url"].startswith(f"{direct.url}/xml/")
    answer = await direct.request("POST", create["url"], None, {"Content-Type": "video/mp4"})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/xml")
    upload_id = text("UploadId", answer.body)
    assert (text("Bucket", answer.body), text("Key", answer.body)) == (seaweed.bucket, key)
    again = await direct.request("POST", create["url"], None, {"Content-Type": "video/mp4"})
    assert again.body == answer.body
    assert len(s3.traces(direct.files + upload_id)) == 1
    query = {"key": key, "uploadId": upload_id}
    etags = []
    for number, body in ((1, FIRST), (2, LAST)):
        signed = (await direct.presign(method="PUT", partNumber=number, length=len(body), **query)).json
        assert signed["url"].startswith(seaweed.endpoint)
        assert (await direct.request("PUT", signed["url"], body + b"!")).status == 403
        etags.append((await direct.request("PUT", signed["url"], body)).etag.strip('"'))
    listed = await direct.request("GET", (await direct.presign(method="GET", **query)).json["url"])
    assert re.findall(r"<PartNumber>(\d)</PartNumber>", listed.body.decode()) == ["1", "2"]
    assert [f'"{etag}"' in listed.body.decode() for etag in etags] == [True, True]
    parts = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{e}</ETag></Part>" for n, e in enumerate(etags, start=1))
    body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    complete = (await direct.presign(method="POST", **query)).json["url"]
    done = await direct.request("POST", complete, body, {"Content-Type": "application/xml"})
    assert (done.status, text("Location", done.body)) == (200, direct.files + upload_id)
    assert await tus.content(direct.files + upload_id) == FIRST + LAST
    head = seaweed.client().head_object(Bucket=seaweed.bucket, Key=key)
    assert head["ContentType"] == "video/mp4"
    assert "uuid-film.mp4" in head["ContentDisposition"]


async def test_an_incomplete_list_of_parts_is_refused_as_s3_refuses(direct: DirectClient) -> None:
    upload = await direct.begin()
    first, _ = await direct.parts(upload, FIRST, LAST)
    url = (await direct.presign(method="POST", key=upload.key, uploadId=upload.upload_id)).json["url"]
    etag = str(first["ETag"]).replace('"', "&quot;")
    body = f"<Part><ETag>{etag}</ETag><PartNumber>1</PartNumber></Part>".encode()
    refused = await direct.request("POST", url, body)
    assert (refused.status, text("Code", refused.body)) == (400, "wrong-parts")
    assert text("Message", refused.body) == refused.reason == "part 2 isn't named where it should be"
    assert (await direct.request("POST", url, b"<Part><ETag>x</ETag></Part>")).status == 400


async def test_before_it_is_begun_nothing_is_signed_for_its_key(direct: DirectClient) -> None:
    created = (await direct.presign(method="POST", key="film.mp4")).json
    upload_id = created["url"].partition("/xml/")[2].partition("?")[0]
    query = {"key": created["key"], "uploadId": upload_id}
    assert (await direct.presign(method="PUT", partNumber=1, **query)).status == 404
    complete = (await direct.presign(method="POST", **query)).json["url"]
    refused = await direct.request("POST", complete, b"<Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>")
    assert (refused.status, text("Message", refused.body)) == (400, "part 1 isn't stored")
    assert (await direct.request("POST", created["url"])).status == 200
    assert (await direct.presign(method="PUT", partNumber=1, **query)).status == 200


async def test_abort_in_xml(direct: DirectClient, s3: Site) -> None:
    upload = await direct.begin()
    await direct.part(upload, 1, LAST)
    url = (await direct.presign(method="DELETE", key=upload.key, uploadId=upload.upload_id)).json["url"]
    assert (await direct.request("DELETE", url)).status == 204
    assert not s3.traces(direct.files + upload.upload_id)
    answer = await direct.request("DELETE", url)
    assert (answer.status, text("Code", answer.body)) == (404, "not-found")


async def test_one_request_with_a_size_is_a_put(direct: DirectClient, seaweed: SeaweedFS) -> None:
    answer = await direct.presign(method="PUT", key="n.txt", contentType="text/plain", size=len(LAST))
    signed = answer.json
    assert "fields" not in signed
    headers = signed["headers"]
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert (await direct.request("PUT", signed["url"], LAST + b"!", headers)).status == 403
    assert (await direct.request("PUT", signed["url"], LAST, {**headers, "Content-Type": "text/html"})).status == 403
    assert (await direct.request("PUT", signed["url"], LAST, headers)).status == 200
    assert await direct.content(headers["x-amz-meta-tus-id"]) == LAST
    assert seaweed.client().head_object(Bucket=seaweed.bucket, Key=signed["key"])["ContentLength"] == len(LAST)


async def test_one_request_without_a_size_is_a_form(direct: DirectClient) -> None:
    signed = (await direct.presign(method="PUT", key="n.txt", contentType="text/plain")).json
    assert signed["fields"]["key"] == signed["key"]
    assert (await direct.form(signed["url"], signed["fields"], LAST)).status == 201
    assert await direct.content(signed["fields"]["x-amz-meta-tus-id"]) == LAST


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({}, 400, "method and key must be text"),
        ({"method": "PUT", "key": 5}, 400, "method and key must be text"),
        ({"method": "GET", "key": "k"}, 400, "uploadId is missing"),
        ({"method": "DELETE", "key": "k"}, 400, "uploadId is missing"),
        ({"method": "PUT", "key": "k", "uploadId": "0" * 32}, 400, "partNumber is missing"),
        ({"method": "PATCH", "key": "k", "uploadId": "0" * 32}, 400, "method must be GET, PUT, POST or DELETE"),
        ({"method": "PUT", "key": "k", "uploadId": "0" * 32, "partNumber": 1}, 404, "there is no such upload"),
        ({"method": "PUT", "key": "k", "uploadId": "theirs", "partNumber": 1}, 404, "there is no such upload"),
        (
            {"method": "PUT", "key": "k", "uploadId": "0" * 32, "partNumber": "x"},
            400,
            "partNumber must be a non-negative",
        ),
    ],
)
async def test_what_can_not_be_signed(
    direct: DirectClient, fields: dict[str, object], status: int, message: str
) -> None:
    refused = await direct.presign(**fields)
    assert refused.status == status
    assert refused.json["message"].startswith(message)


async def test_behind_a_public_url_with_a_template_of_keys(direct_strict: DirectClient) -> None:
    create = (await direct_strict.presign(method="POST", key="über film.mp4", size=5)).json
    assert create["url"].startswith("https://files.example/up/s3/xml/")
    assert re.fullmatch(r"\w{32}/\d{4}/\w{32}/ber_film.mp4|.*/\d{4}/\w{32}/_ber_film.mp4", create["key"]), create["key"]
    inside = create["url"].replace("https://files.example/up/", direct_strict.files)
    assert (await direct_strict.request("POST", inside)).status == 200
