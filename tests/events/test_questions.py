"""The questions that a running server asks a hook over HTTP. The hook allows, rejects or changes, answers something
that isn't valid, or doesn't answer."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.events.answering import Serve, questions, says, says_text
from tests.support.receiver import Answer, Receiver, status


async def test_a_hook_rejects_an_upload_in_its_own_words(serve: Serve, hook: Receiver) -> None:
    async with serve("pre-create") as client:
        words = {"StatusCode": 422, "Body": '{"why":"no"}', "Header": {"Content-Type": "application/json", "X-A": "b"}}
        hook.answers = [says(RejectUpload=True, HTTPResponse=words)]
        response = await client.try_create(3)
        assert (response.status, response.body.decode()) == (422, '{"why":"no"}')
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["X-A"] == "b"
        [question] = hook.arrivals
        upload = question.json["Event"]["Upload"]
        assert (question.json["Type"], upload["ID"], upload["Size"], upload["Storage"]) == ("pre-create", "", 3, None)
        assert question.id.startswith("ask_")
        assert question.id.endswith("_pre-create")


async def test_a_plain_rejection_is_400(serve: Serve, hook: Receiver) -> None:
    async with serve("pre-create") as client:
        for status_code in (200, 99, 700):
            hook.answers = [says(rejectupload=True, HTTPResponse={"StatusCode": status_code})]
            response = await client.try_create(3)
            assert (response.status, (response.body.decode()).partition(":")[0]) == (400, "upload-rejected")


@pytest.mark.parametrize(
    "answer",
    [
        status(404),
        status(301, Location="/elsewhere"),
        says_text("not JSON"),
        says_text("[]"),
        says(RejectUpload="yes"),
        says(HTTPResponse={"StatusCode": "200"}),
        says(HTTPResponse={"Header": {"X-A": 1}}),
        says(ChangeFileInfo={"MetaData": {"a b": "c"}}),
        says(ChangeFileInfo={"ID": "../a"}),
        says(ChangeFileInfo={"ID": "a" * 32}),
        says_text(json.dumps({"Body": "x" * 6000})),
    ],
)
async def test_an_answer_that_is_none_fails_at_once_and_tells_nothing(
    serve: Serve, hook: Receiver, answer: Answer
) -> None:
    async with serve("pre-create") as client:
        hook.answers = [answer]
        response = await client.try_create(3)
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
        assert (response.body.decode()).startswith("hook-failed: ")
        assert len(hook.arrivals) == 1


async def test_a_failed_question_is_repeated(serve: Serve, hook: Receiver) -> None:
    """The server repeats a question that the hook answers with a 5xx or that ends with a broken connection; after three
    failed attempts the client gets 503."""
    async with serve("pre-create") as client:
        hook.answers = [status(500), "cut"]
        assert (await client.try_create(3)).status == 201
        assert len({arrival.id for arrival in hook.arrivals}) == 1
        assert len(hook.arrivals) == 3
        hook.answers = [status(503), status(500), status(502)]
        assert (await client.try_create(3)).status == 503
        assert len(hook.arrivals) == 6


async def test_a_hook_that_hangs_fails_in_time(serve: Serve, hook: Receiver) -> None:
    async with serve("pre-create", hooks_http_timeout="0.3s") as client:
        hook.answers = ["hang"]
        assert (await client.try_create(3)).status == 503


async def test_an_indifferent_answer_lets_the_upload_go_on(serve: Serve, hook: Receiver) -> None:
    """An answer that is empty or has unknown members lets the upload go on."""
    async with serve("pre-create") as client:
        for answer in (status(204), says_text(""), says_text('{"Unknown": 1, "HTTPResponse": null}')):
            hook.answers = [answer]
            assert (await client.try_create(3)).status == 201


async def test_a_creation_has_the_hooks_metadata_and_headers(serve: Serve, hook: Receiver) -> None:
    async with serve("pre-create") as client:
        fields = {"X-Row": "7", "Location": "/no", "Upload-Offset": "9", "X-Bad": "a\nb"}
        change = {"MetaData": {"filename": "b.txt"}}
        hook.answers = [says(ChangeFileInfo=change, HTTPResponse={"StatusCode": 200, "Body": "made", "Header": fields})]
        response = await client.try_create(3, Upload_Metadata=f"filename {b64encode(b'a.txt').decode()}")
        assert (response.status, response.body.decode(), response.headers["X-Row"]) == (200, "made", "7")
        assert "X-Bad" not in response.headers
        head = await client.request("HEAD", response.url)
        assert head.headers["Upload-Metadata"] == f"filename {b64encode(b'b.txt').decode()}"
        assert head.headers["Upload-Offset"] == "0"


async def test_an_upload_is_complete_once_the_hook_has_said_so(serve: Serve, hook: Receiver) -> None:
    async with serve("pre-finish", hooks_http_retry="1") as client:
        path = await client.create(3)
        hook.answers = [status(500)]
        assert (await client.patch(path, 0, b"abc")).status == 503
        head = await client.request("HEAD", path)
        assert (head.status, "Retry-After" in head.headers) == (423, True)
        assert (await client.request("GET", path)).status == 404
        hook.answers = [says(HTTPResponse={"Body": "row 7", "Header": {"X-Row": "7"}})]
        for _ in range(2):
            again = await client.patch(path, 3, None)
            assert (again.status, again.body.decode(), again.headers["X-Row"]) == (200, "row 7", "7")
        assert len({arrival.id for arrival in hook.arrivals}) == 1
        assert len(hook.arrivals) == 2
        head = await client.request("HEAD", path)
        assert (head.status, head.headers["Upload-Offset"], "X-Row" in head.headers) == (200, "3", False)
        assert (await client.get(path)).body == b"abc"


async def test_a_head_is_answered_at_once_while_the_hook_thinks(serve: Serve, hook: Receiver) -> None:
    async with serve("pre-finish") as client:
        path = await client.create(3)
        hook.answers = ["hang"]
        patch = asyncio.create_task(client.patch(path, 0, b"abc"))
        await hook.wait(1)
        assert (await client.request("HEAD", path)).status == 423
        hook.released.set()
        assert (await patch).status == 204


async def test_an_upload_rejected_at_its_end_is_removed(serve: Serve, hook: Receiver) -> None:
    """An upload that `pre-finish` rejects answers 404 from then on."""
    async with serve("pre-finish") as client:
        path = await client.create(3)
        hook.answers = [says(RejectUpload=True, HTTPResponse={"StatusCode": 415})]
        assert (await client.patch(path, 0, b"abc")).status == 415
        for method in ("HEAD", "GET", "DELETE"):
            assert (await client.request(method, path)).status == 404


async def test_a_termination_is_asked_about(serve: Serve, hook: Receiver) -> None:
    async with serve("pre-terminate") as client:
        path = await client.create(3)
        hook.answers = [says(RejectTermination=True), status(400)]
        assert (await client.request("DELETE", path)).status == 400
        assert (await client.request("DELETE", path)).status == 503
        assert (await client.request("HEAD", path)).status == 200
        hook.answers = [says(HTTPResponse={"Body": "bye"})]
        response = await client.request("DELETE", path)
        assert (response.status, response.body.decode()) == (200, "bye")


async def test_each_access_is_asked_about_but_head(serve: Serve, hook: Receiver) -> None:
    async with serve("pre-access") as client:
        path = await client.create(3)
        await client.patch(path, 0, b"abc")
        await client.request("HEAD", path)
        await client.request("GET", path)
        name = path.rpartition("/")[2]
        assert [arrival.json["Event"]["Upload"]["ID"] for arrival in questions(hook, "pre-access")] == ["", name, name]
        hook.always = says(RejectAccess=True)
        for method in ("GET", "DELETE"):
            response = await client.request(method, path)
            assert (response.status, (response.body.decode()).partition(":")[0]) == (403, "access-rejected")
        assert (await client.try_create(3)).status == 403
        assert (await client.request("HEAD", path)).status == 200


async def test_a_hook_is_told_the_newest_offset_and_stops_the_upload(serve: Serve, hook: Receiver) -> None:
    async with serve("post-receive", progress_hooks_interval="0.05s") as client:
        path, sending = await client.create(1 << 26), asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield bytes(1 << 25)
            await sending.wait()

        hook.always = says(StopUpload=True, HTTPResponse={"StatusCode": 410, "Body": "enough"})
        response = await client.patch(path, 0, body(), Content_Length=str(1 << 26))
        sending.set()
        assert (response.status, response.body.decode()) == (410, "enough")
        assert questions(hook, "post-receive")[0].json["Event"]["Upload"]["Offset"] > 0
        assert (await client.request("HEAD", path)).status == 404


async def test_a_hook_names_an_upload_which_is_then_at_that_path(serve: Serve, hook: Receiver, tmp_path: Path) -> None:
    async with serve("pre-create", "post-finish") as client:
        hook.answers = [says(ChangeFileInfo={"ID": "team/a.txt"})]
        response = await client.try_create(3)
        assert (response.status, response.headers["Location"].endswith("/files/team/a.txt")) == (201, True)
        hook.answers = [says(ChangeFileInfo={"ID": "team/a.txt"})]
        refusal = await client.try_create(3)
        assert (refusal.status, (refusal.body.decode()).partition(":")[0]) == (409, "name-taken")
        path = response.url
        assert (await client.patch(path, 0, b"abc")).status == 204
        assert (await client.request("HEAD", path)).headers["Upload-Offset"] == "3"
        assert (await client.get(path)).body == b"abc"
        assert (tmp_path / "team" / "a.txt").read_bytes() == b"abc"
        arrival = (await hook.until(lambda _: bool(questions(hook, "post-finish"))))[-1]
        assert arrival.json["Event"]["Upload"]["ID"] == "team/a.txt"
        assert (await client.request("DELETE", path)).status == 204
        assert (await client.request("HEAD", path)).status == 404


async def test_named_partial_uploads_are_joined_by_their_names(serve: Serve, hook: Receiver) -> None:
    async with serve("pre-create") as client:
        for name in ("a/1", "b"):
            hook.answers = [says(ChangeFileInfo={"ID": name})]
            assert (await client.try_create(3, b"abc", Upload_Concat="partial")).status == 201
        final = await client.post(upload_concat="final;/files/a/1 b")
        assert final.status == 201
        path = final.url
        assert (await client.get(path)).body == b"abcabc"


async def test_a_name_is_all_that_is_below_the_public_url(serve: Serve, hook: Receiver) -> None:
    """A partial upload's name is all of the path below the public URL, or below /files/: a final upload joins `a/1` by
    that name, and not the upload `1`."""
    async with serve("pre-create", public_url="https://up.example/up") as client:
        for name, content in (("a/1", b"abc"), ("1", b"def"), ("a/files/1", b"ghi")):
            hook.answers = [says(ChangeFileInfo={"ID": name})]
            assert (await client.try_create(3, content, Upload_Concat="partial")).status == 201
        urls = "https://up.example/up/a/1 https://up.example/up/1 https://up.example/up/a/files/1 /files/a/files/1"
        final = await client.post(upload_concat=f"final;{urls}")
        assert final.status == 201
        assert (await client.get(client.url + final.url.rpartition("/")[2])).body == b"abcdefghighi"


@pytest.mark.parametrize("name", ["read/a", "s3/a", ".tusd-py/a", "a/events", "/a", "a//b", "a/../b", "a b", "x" * 256])
async def test_a_name_that_can_be_none_fails(serve: Serve, hook: Receiver, name: str) -> None:
    async with serve("pre-create") as client:
        hook.answers = [says(ChangeFileInfo={"ID": name})]
        assert (await client.try_create(3)).status == 503
