"""Direct uploads in parts, by the routes of Companion that @uppy/aws-s3 calls."""

from __future__ import annotations

import os

import pytest

from devtools.seaweed import SeaweedFS
from tests.support import s3faults
from tests.support.direct import MIB, DirectClient
from tests.support.s3proxy import S3Proxy
from tests.support.sites import Site
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

PART = 5 * MIB
FIRST, LAST = os.urandom(PART), os.urandom(1000)
WHOLE = FIRST + LAST


async def test_an_upload_of_parts_becomes_an_object_and_a_download(direct: DirectClient, seaweed: SeaweedFS) -> None:
    upload = await direct.begin("Flöte.mp4", metadata={"name": "Flöte.mp4", "relativePath": None, "take": 2})
    assert upload.bucket == seaweed.bucket
    parts = await direct.parts(upload, FIRST, LAST)
    listed = await direct.stored(upload)
    assert listed.json == [
        {"PartNumber": 1, "Size": PART, "ETag": parts[0]["ETag"]},
        {"PartNumber": 2, "Size": 1000, "ETag": parts[1]["ETag"]},
    ]
    answer = await direct.complete(upload, parts)
    assert (answer.status, answer.json) == (
        200,
        {"location": f"{direct.files}{upload.upload_id}", "key": upload.key, "bucket": seaweed.bucket},
    )
    assert answer.headers["Cache-Control"] == "no-store"
    stored = seaweed.client().get_object(Bucket=seaweed.bucket, Key=upload.key)
    assert stored["Body"].read() == WHOLE
    assert stored["ContentType"] == "video/mp4"
    assert stored["ContentDisposition"].startswith("inline; filename=")
    assert stored["Metadata"]["tus-id"] == upload.upload_id
    assert stored["Metadata"]["take"] == "2"
    assert "relativepath" not in stored["Metadata"]
    assert await direct.content(upload.upload_id) == WHOLE


async def test_companions_routes_are_at_the_root_too(direct: DirectClient) -> None:
    """A client may set the server's root URL as `companionEndpoint`: begin, complete and presign work there too."""
    rooted = direct.at(direct.files.removesuffix("files/"))
    upload = await rooted.begin()
    done = await rooted.complete(upload, await rooted.parts(upload, FIRST, LAST))
    assert (done.status, done.json["location"]) == (200, direct.files + upload.upload_id)
    assert await direct.content(upload.upload_id) == WHOLE
    create = (await rooted.presign(method="POST", key="film.mp4")).json
    assert create["url"].startswith(f"{direct.url}/xml/")
    assert (await rooted.request("OPTIONS", f"{rooted.url}/multipart")).status == 204


async def test_signing_asks_s3_for_nothing(direct: DirectClient, s3_proxy: S3Proxy) -> None:
    upload = await direct.begin()
    s3_proxy.reset()
    assert (await direct.sign(upload, 1)).json["expires"] == 900
    assert not s3_proxy.calls_of(upload.upload_id)


async def test_the_record_is_like_any_other(direct: DirectClient, s3: Site, tus: TusClient) -> None:
    created, finished = [await tus.metric(f"uploads_{kind}_total") for kind in ("created", "finished")]
    upload = await direct.begin("film.mp4", size=len(WHOLE))
    outcome = await s3.server.command("uploads", "show", upload.upload_id)
    assert f'"length": {len(WHOLE)}' in outcome.out
    assert '"phase": "open"' in outcome.out
    assert '"direct": "parts"' in outcome.out
    assert (await direct.complete(upload, await direct.parts(upload, FIRST, LAST))).status == 200
    listed = await s3.server.command("uploads", "list")
    assert any(upload.upload_id in line and "done" in line and "film.mp4" in line for line in listed.out.splitlines())
    assert await tus.metric("uploads_created_total") == created + 1
    assert await tus.metric("uploads_finished_total") == finished + 1
    assert await tus.offset(direct.files + upload.upload_id) == len(WHOLE)


async def test_a_client_goes_on_with_what_is_stored(direct: DirectClient) -> None:
    upload = await direct.begin(size=len(WHOLE))
    assert (await direct.stored(upload)).json == []
    second = await direct.part(upload, 2, LAST)
    first = await direct.part(upload, 1, os.urandom(PART))
    first = await direct.part(upload, 1, FIRST)
    assert [part["PartNumber"] for part in (await direct.stored(upload)).json] == [1, 2]
    assert (await direct.complete(upload, [first, second])).status == 200
    assert await direct.content(upload.upload_id) == WHOLE


async def test_etags_come_with_quotes_or_without(direct: DirectClient) -> None:
    upload = await direct.begin()
    part = await direct.part(upload, 1, LAST)
    bare = {"PartNumber": 1, "ETag": str(part["ETag"]).strip('"')}
    assert (await direct.complete(upload, [bare])).status == 200


async def test_completing_again_says_the_same(direct: DirectClient, s3_proxy: S3Proxy) -> None:
    upload = await direct.begin()
    parts = await direct.parts(upload, LAST)
    first = await direct.complete(upload, parts)
    s3_proxy.reset()
    again = await direct.complete(upload, parts)
    assert (again.status, again.json) == (first.status, first.json) == (200, first.json)
    assert not s3_proxy.calls_of(upload.upload_id)


async def test_abort_ends_it_and_leaves_nothing(direct: DirectClient, s3: Site, tus: TusClient) -> None:
    terminated = await tus.metric("uploads_terminated_total")
    upload = await direct.begin()
    signed = (await direct.sign(upload, 2)).json["url"]
    await direct.part(upload, 1, FIRST)
    answer = await direct.abort(upload)
    assert (answer.status, answer.json) == (200, {})
    assert not s3.traces(direct.files + upload.upload_id)
    assert (await direct.request("PUT", signed, LAST)).status == 404
    assert (await direct.sign(upload, 2)).status == 404
    assert (await direct.abort(upload)).status == 404
    assert await tus.metric("uploads_terminated_total") == terminated + 1


async def test_what_is_complete_isnt_aborted(direct: DirectClient) -> None:
    """An abort of a complete upload answers 400 and keeps the object: Uppy 5 aborts after any failure, even if the
    completion succeeded and only its answer was lost."""
    upload = await direct.begin()
    assert (await direct.complete(upload, await direct.parts(upload, LAST))).status == 200
    refused = await direct.abort(upload)
    assert (refused.status, refused.json["error"]) == (400, "already-complete")
    assert await direct.content(upload.upload_id) == LAST


async def test_delete_ends_an_open_one_and_a_finished_one(direct: DirectClient, s3: Site, tus: TusClient) -> None:
    for finish in (False, True):
        upload = await direct.begin()
        parts = await direct.parts(upload, LAST)
        if finish:
            assert (await direct.complete(upload, parts)).status == 200
        url = direct.files + upload.upload_id
        assert (await tus.delete(url)).status == 204
        assert not s3.traces(url)
        assert (await direct.complete(upload, parts)).status == 404


async def test_tus_is_told_that_nothing_comes_by_here(direct: DirectClient, tus: TusClient) -> None:
    upload = await direct.begin(size=len(LAST))
    part = await direct.part(upload, 1, LAST)
    url = direct.files + upload.upload_id
    head = await tus.head(url)
    assert (head.status, "Upload-Offset" in head.headers) == (404, False)
    patch = await tus.patch(url, 0, LAST)
    assert (patch.status, patch.body) == (
        403,
        b"forbidden: this upload goes straight to the storage: nothing of it comes by here\n",
    )
    assert (await tus.get(url)).status == 404
    assert (await direct.complete(upload, [part])).status == 200
    assert await tus.content(url) == LAST


@pytest.mark.parametrize("fault", [s3faults.reset(), s3faults.hang_up(), s3faults.error(500, "InternalError")])
async def test_a_lost_answer_to_the_completion_is_settled_by_looking(
    direct: DirectClient, s3_proxy: S3Proxy, fault: s3faults.Action
) -> None:
    upload = await direct.begin(size=len(WHOLE))
    parts = await direct.parts(upload, FIRST, LAST)
    lost = s3_proxy.faults.rule("CompleteMultipartUpload", 1, s3faults.after_forwarding(fault))
    answer = await direct.complete(upload, parts)
    assert lost.has_hit
    assert answer.status == 200
    assert await direct.content(upload.upload_id) == WHOLE


async def test_a_completion_that_can_not_be_made_yet_is_taken_up_again(
    direct: DirectClient, s3_proxy: S3Proxy, tus: TusClient
) -> None:
    upload = await direct.begin(size=len(WHOLE))
    parts = await direct.parts(upload, FIRST, LAST)
    s3_proxy.faults.rule("CompleteMultipartUpload", None, s3faults.error(503, "SlowDown"))
    assert (await direct.complete(upload, parts)).status == 503
    assert (await tus.get(direct.files + upload.upload_id)).status == 404
    s3_proxy.reset()
    assert (await direct.complete(upload, parts)).status == 200
    assert await direct.content(upload.upload_id) == WHOLE


@pytest.mark.parametrize("operation", ["ListParts", "HeadObject", "CompleteMultipartUpload"])
async def test_trouble_that_passes_is_not_the_clients(direct: DirectClient, s3_proxy: S3Proxy, operation: str) -> None:
    upload = await direct.begin()
    parts = await direct.parts(upload, FIRST, LAST)
    trouble = s3_proxy.faults.rule(operation, 1, s3faults.error(503, "SlowDown"))
    assert (await direct.complete(upload, parts)).status == 200
    assert trouble.has_hit


async def test_beginning_is_tried_again_too(direct: DirectClient, s3_proxy: S3Proxy) -> None:
    s3_proxy.faults.rule("CreateMultipartUpload", 1, s3faults.after_forwarding(s3faults.reset()))
    upload = await direct.begin()
    assert (await direct.complete(upload, await direct.parts(upload, LAST))).status == 200
    s3_proxy.reset()
    s3_proxy.faults.rule("CreateMultipartUpload", None, s3faults.error(403, "AccessDenied"))
    refused = await direct.ask("POST", "multipart", {"filename": "f", "type": ""})
    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    assert refused.reason == "the server can't store right now; try again soon"


async def test_the_bucket_may_lose_the_parts(direct: DirectClient, s3: Site, seaweed: SeaweedFS) -> None:
    """An upload whose parts S3 has dropped, as by a lifecycle rule, answers 404 and ends instead of being completed."""
    upload = await direct.begin()
    parts = await direct.parts(upload, LAST)
    client = seaweed.client()
    where = {"Bucket": seaweed.bucket, "Key": upload.key}
    uploads = client.list_multipart_uploads(Bucket=seaweed.bucket, Prefix=upload.key)["Uploads"]
    client.abort_multipart_upload(**where, UploadId=uploads[0]["UploadId"])
    assert (await direct.stored(upload)).status == 404
    assert (await direct.complete(upload, parts)).status == 404
    assert (await direct.request("GET", direct.files + upload.upload_id)).status == 404
    outcome = await s3.server.command("uploads", "show", upload.upload_id)
    assert '"phase": "terminating"' in outcome.out
