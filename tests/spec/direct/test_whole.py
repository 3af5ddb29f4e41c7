"""Uploads in one request straight to S3: no client tells the server that one has come, so the server looks for it."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from devtools.seaweed import SeaweedFS
from tests.support.direct import MIB, DirectClient
from tests.support.s3proxy import S3Proxy
from tests.support.sites import Site, s3_site
from tests.support.tus import TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

DATA = os.urandom(1000)


def id_of(signed: Any) -> str:
    return str(signed["fields"]["x-amz-meta-tus-id"])


async def test_a_form_becomes_an_object_and_a_download(
    direct: DirectClient, seaweed: SeaweedFS, tus: TusClient
) -> None:
    signed = await direct.params("Grüße.txt", type="text/plain", **{"metadata[name]": "Grüße.txt"})
    assert signed["method"] == "POST"
    assert signed["expires"] == 900
    assert signed["url"] == f"{seaweed.endpoint}/{seaweed.bucket}/"
    fields = signed["fields"]
    assert (fields["bucket"], fields["success_action_status"]) == (seaweed.bucket, "201")
    assert fields["Content-Type"] == "text/plain; charset=utf-8"
    response = await direct.form(signed["url"], fields, DATA)
    assert response.status == 201, response
    url = direct.files + id_of(signed)
    assert await tus.offset(url) == len(DATA)
    answer = await direct.request("GET", url)
    assert (answer.status, answer.body) == (200, DATA)
    head = seaweed.client().head_object(Bucket=seaweed.bucket, Key=fields["key"])
    assert head["ContentDisposition"] == answer.headers["Content-Disposition"]
    assert head["ContentType"] == answer.headers["Content-Type"]


async def test_before_it_came_nothing_can_be_had(direct: DirectClient, tus: TusClient) -> None:
    url = direct.files + id_of(await direct.params())
    assert (await tus.head(url)).status == 404
    assert (await tus.get(url)).status == 404
    assert (await tus.patch(url, 0, DATA)).status == 403


async def test_nobody_has_to_ask_for_it_to_be_finished(direct: DirectClient, s3: Site, tus: TusClient) -> None:
    finished = await tus.metric("uploads_finished_total")
    signed = await direct.params(size=len(DATA))
    assert (await direct.form(signed["url"], signed["fields"], DATA)).status == 201

    async def record() -> str:
        return (await s3.server.command("uploads", "show", id_of(signed))).out

    async def done() -> bool:
        return await tus.metric("uploads_finished_total") > finished and '"phase": "done"' in await record()

    await until(done, within=90)
    assert f'"offset": {len(DATA)}' in await record()


async def test_what_was_signed_is_bound(direct: DirectClient) -> None:
    signed, other_form = await direct.params(size=len(DATA)), await direct.params()
    url, fields = signed["url"], signed["fields"]
    assert (await direct.form(url, fields, DATA + b"!")).status == 400
    assert (await direct.form(url, fields, DATA[:-1])).status == 400
    for name in ("key", "x-amz-meta-tus-id"):
        assert (await direct.form(url, {**fields, name: other_form["fields"][name]}, DATA)).status == 403
    assert (await direct.form(url, {**fields, "Content-Type": "text/html"}, DATA)).status == 403
    assert (await direct.form(url, {**fields, "x-amz-storage-class": "GLACIER"}, DATA)).status == 403
    assert (await direct.form(url, fields, DATA)).status == 201
    assert await direct.content(id_of(signed)) == DATA


async def test_repeated_form_does_not_change_the_download(direct: DirectClient, tus: TusClient) -> None:
    signed = await direct.params(size=len(DATA))
    url = direct.files + id_of(signed)
    for _ in range(2):
        assert (await direct.form(signed["url"], signed["fields"], DATA)).status == 201
        assert await tus.content(url) == DATA
    etag = (await tus.get(url)).headers["ETag"]
    assert (await direct.form(signed["url"], signed["fields"], DATA[::-1])).status == 201
    for headers in ({}, {"range": "bytes=0-9"}, {"if_match": etag}):
        replaced = await tus.get(url, **headers)
        assert (replaced.status, replaced.body) == (404, b"not-found: there is no such upload\n")
    assert (await direct.form(signed["url"], signed["fields"], DATA)).status == 201
    assert await tus.content(url) == DATA


async def test_without_a_size_the_limit_is_bound(direct_strict: DirectClient) -> None:
    signed = await direct_strict.params()
    conditions = json.loads(base64.b64decode(signed["fields"]["policy"]))["conditions"]
    assert ["content-length-range", 0, 6 * MIB] in conditions
    assert (await direct_strict.form(signed["url"], signed["fields"], bytes(6 * MIB + 1))).status == 400


async def test_an_object_with_another_size_is_not_the_upload(
    direct: DirectClient, seaweed: SeaweedFS, tus: TusClient
) -> None:
    """GET of an awaited upload answers 404 while the object at its key has another size than was declared, or lacks the
    upload's id in its metadata: a provider may not check the signed length, or another client may have written the
    object."""
    signed = await direct.params(size=len(DATA))
    key, url = signed["fields"]["key"], direct.files + id_of(signed)
    object_metadata = {"tus-id": id_of(signed)}
    for body, metadata in ((DATA[:-1], object_metadata), (DATA, {"tus-id": "other"}), (DATA, {})):
        seaweed.client().put_object(Bucket=seaweed.bucket, Key=key, Body=body, Metadata=metadata)
        assert (await tus.get(url)).status == 404
    seaweed.client().put_object(Bucket=seaweed.bucket, Key=key, Body=DATA, Metadata=object_metadata)
    assert await tus.content(url) == DATA


async def test_more_than_max_size_is_removed(direct_strict: DirectClient, strict: Site, seaweed: SeaweedFS) -> None:
    signed = await direct_strict.params()
    seaweed.client().put_object(
        Bucket=seaweed.bucket, Key=signed["fields"]["key"], Body=bytes(6 * MIB + 1), Metadata={"tus-id": id_of(signed)}
    )
    url = direct_strict.files + id_of(signed)
    assert (await direct_strict.request("GET", url)).status == 404
    assert not strict.traces(url)


async def test_a_provider_without_forms_gets_a_put(
    seaweed: SeaweedFS, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with s3_site(tmp_path, seaweed, direct_uploads=True, s3_profile="r2") as site:
        direct = DirectClient(session, site.server.url)
        signed = await direct.params(type="text/html", size=len(DATA))
        assert (signed["method"], signed["fields"]) == ("PUT", {})
        assert signed["headers"]["Content-Disposition"] == 'attachment; filename="note.txt"'
        assert (await direct.request("PUT", signed["url"], DATA + b"!", signed["headers"])).status == 403
        assert (await direct.request("PUT", signed["url"], DATA, signed["headers"])).status == 200
        assert await direct.content(signed["headers"]["x-amz-meta-tus-id"]) == DATA
        upload = await direct.begin()
        refused = await direct.complete(upload, await direct.parts(upload, bytes(5 * MIB), bytes(6 * MIB), DATA))
        assert (refused.status, refused.json["error"]) == (400, "wrong-parts")
        await site.stop()


async def test_what_objects_are_kept_with_is_in_the_form(
    seaweed: SeaweedFS, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    how = {"s3_acl": "private", "s3_storage_class": "STANDARD_IA"}
    async with s3_site(tmp_path, seaweed, direct_uploads=True, **how) as site:
        direct = DirectClient(session, site.server.url)
        signed = await direct.params()
        answer = await direct.form(signed["url"], signed["fields"], DATA)
        assert answer.status == 201, answer.body
        head = seaweed.client().head_object(Bucket=seaweed.bucket, Key=signed["fields"]["key"])
        assert head["StorageClass"] == "STANDARD_IA"
        assert await direct.content(id_of(signed)) == DATA
        await site.stop()


async def test_the_length_limit_of_one_request_is_told(direct: DirectClient) -> None:
    refused = await direct.ask("GET", "params", filename="f", size=5 * 1024**3 + 1)
    assert (refused.status, refused.json["error"]) == (413, "too-large")


async def test_params_need_a_filename(direct: DirectClient) -> None:
    refused = await direct.ask("GET", "params", type="text/plain")
    assert (refused.status, refused.json["message"]) == (400, "filename is missing")


async def test_announcing_asks_s3_for_nothing(direct: DirectClient, s3_proxy: S3Proxy) -> None:
    s3_proxy.reset()
    signed = await direct.params()
    assert not s3_proxy.calls_of(id_of(signed))


async def test_an_ended_one_is_removed_again_once_its_form_has_expired(
    direct_fleeting: DirectClient, fleeting: Site, session: Any
) -> None:
    """A form that is sent after its upload was deleted leaves nothing: the object is removed once the form has
    expired."""
    signed = await direct_fleeting.params()
    url = direct_fleeting.files + id_of(signed)
    assert (await TusClient(session, direct_fleeting.files).delete(url)).status == 204
    assert (await direct_fleeting.form(signed["url"], signed["fields"], DATA)).status == 201

    async def removed() -> bool:
        return not fleeting.traces(url)

    await until(removed, within=90)


async def test_what_never_came_expires(direct_fleeting: DirectClient, fleeting: Site) -> None:
    parts, whole = await direct_fleeting.begin(), await direct_fleeting.params()
    await direct_fleeting.part(parts, 1, DATA)
    ids = (parts.upload_id, id_of(whole))

    async def expired() -> bool:
        listed = await fleeting.server.command("uploads", "list")
        traces = [trace for upload_id in ids for trace in fleeting.traces(direct_fleeting.files + upload_id)]
        return not traces and not any(upload_id in listed.out for upload_id in ids)

    await until(expired, within=110)
    assert (await direct_fleeting.sign(parts, 1)).status == 404


async def test_what_came_before_its_time_was_up_is_kept(direct_fleeting: DirectClient) -> None:
    signed = await direct_fleeting.params()
    assert (await direct_fleeting.form(signed["url"], signed["fields"], DATA)).status == 201

    async def is_finished() -> bool:
        return (await direct_fleeting.request("GET", direct_fleeting.files + id_of(signed))).body == DATA

    await until(is_finished, within=60)
