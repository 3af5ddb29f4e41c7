"""Responses that are merged with the answer of a hook that lets the request go on; for direct uploads, also with that
of a hook that refuses it."""

from __future__ import annotations

import json
from typing import Any

from tests.events.answering import Serve, says
from tests.support.exchange import Answer
from tests.support.receiver import Receiver

ROW = {"HTTPResponse": {"StatusCode": 202, "Body": "row 7", "Header": {"X-Row": "7", "Content-Type": "text/x-row"}}}


def fields(answer: Answer) -> tuple[int, str, str]:
    return answer.status, answer.headers["X-Row"], answer.headers["Content-Type"]


async def test_an_allowed_access_has_the_hooks_reply(serve: Serve, hook: Receiver) -> None:
    """A creation, PATCH or DELETE that `pre-access` allows is answered with the status, body and header fields that the
    hook gives."""
    async with serve("pre-access") as client:
        hook.always = says(**ROW)
        created = await client.try_create(3)
        patched = await client.patch(created.url, 0, b"abc")
        deleted = await client.delete(created.url)
        for answer in (created, patched, deleted):
            assert (*fields(answer), answer.body) == (202, "7", "text/x-row", b"row 7")


async def test_a_body_alone_needs_a_status_that_has_one(serve: Serve, hook: Receiver) -> None:
    async with serve("pre-access") as client:
        hook.always = says(HTTPResponse={"Body": "row 7", "StatusCode": 500})
        created = await client.try_create(3)
        patched = await client.patch(created.url, 0, b"abc")
        deleted = await client.delete(created.url)
        assert [answer.status for answer in (created, patched, deleted)] == [201, 200, 200]


async def test_a_download_keeps_its_status_body_and_type(serve: Serve, hook: Receiver) -> None:
    async with serve("pre-access") as client:
        path = await client.create(3, b"abc")
        plain = await client.fetch(path, range="bytes=1-")
        hook.always = says(**ROW)
        answer = await client.fetch(path, range="bytes=1-")
        assert (*fields(answer), answer.body) == (206, "7", plain.headers["Content-Type"], b"bc")
        assert "X-Row" not in (await client.head(path)).headers


async def test_the_later_answer_to_a_request_wins(serve: Serve, hook: Receiver) -> None:
    async with serve("pre-access", "pre-create") as client:
        hook.answers = [says(**ROW), says(HTTPResponse={"Header": {"x-row": "8", "X-New": "9"}})]
        answer = await client.try_create(3)
        assert (answer.status, answer.headers["X-Row"], answer.headers["X-New"]) == (202, "8", "9")


async def test_direct_uploads_have_the_hooks_fields_and_its_refusals(
    serve: Serve, hook: Receiver, s3: dict[str, Any]
) -> None:
    async with serve("pre-access", "pre-create", direct_uploads=True, **s3) as client:
        url = f"{client.url}s3/multipart"
        begin = json.dumps({"filename": "a.txt", "type": "text/plain"})
        hook.answers = [says(), says(**ROW)]
        reply = await client.request("POST", url, begin.encode(), content_type="application/json")
        assert fields(reply) == (200, "7", "application/json")
        one = f"{url}/{json.loads(reply.body)['uploadId']}"
        hook.answers = [says(**ROW)]
        listed = await client.request("GET", f"{one}?key={json.loads(reply.body)['key']}")
        assert (*fields(listed), json.loads(listed.body)) == (200, "7", "application/json", [])
        words = {"StatusCode": 422, "Body": "no", "Header": {"X-Row": "8"}}
        for answers in ([{"RejectAccess": True}], [{}, {"RejectUpload": True}]):
            hook.answers = [says(**answer, HTTPResponse=words) for answer in answers]
            refused = await client.request("POST", url, begin.encode(), content_type="application/json")
            assert (refused.status, refused.body, refused.headers["X-Row"]) == (422, b"no", "8")
            assert refused.headers["Content-Type"] == "text/plain; charset=utf-8"
