"""Promise 12: errors are short plain text with a stable code, and tell nothing of what is inside."""

from __future__ import annotations

import re

import pytest

from tests.support.exchange import Answer
from tests.support.node import MIB, PART, Node
from tests.support.s3faults import ANY, Action, error, reset
from tests.support.tus import TusClient
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")

INSIDE = re.compile(
    r"boto|aiohttp|Traceback|Error\b|Exception|S3|bucket|key|sqlite|redis|127\.0\.0\.1|AccessDenied|/tusd_py|uploads/",
    re.IGNORECASE,
)


def speaks(answer: Answer, status: int, code: str) -> None:
    text = answer.body.decode()
    assert answer.status == status
    assert re.fullmatch(rf"{code}: [ -~]{{1,200}}\n", text)
    assert not INSIDE.search(text), text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Tus-Resumable"] == "1.0.0"


async def test_what_is_refused_has_a_code_and_a_reason(client: TusClient) -> None:
    url = await client.create(10, b"01234")
    speaks(await client.patch(url, 4, b"x"), 409, "offset-mismatch")
    speaks(await client.patch(url, 5, b"567890"), 413, "too-large")
    speaks(
        await client.patch(url, 5, b"5", upload_checksum="sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk="), 460, "checksum-mismatch"
    )
    speaks(await client.patch(f"{client.url}{'0' * 32}", 0, b"x"), 404, "not-found")
    speaks(await client.request("PATCH", url, b"x", tus_resumable=None), 412, "unsupported-version")
    speaks(await client.request("PATCH", url, b"x"), 415, "wrong-content-type")
    speaks(await client.request("POST", client.url), 400, "malformed")
    speaks(await client.request("PUT", url, b"x"), 405, "method-not-allowed")
    speaks(await client.fetch(url), 404, "not-finished")


@pytest.mark.parametrize("fault", [error(403, "AccessDenied"), error(404, "NoSuchBucket"), reset()])
async def test_trouble_behind_the_server_stays_there(node: Node, client: TusClient, fault: Action) -> None:
    data = random_bytes(PART + MIB)
    done, url = await client.create(3, b"abc"), await client.create(len(data))
    node.s3.faults.rule(ANY, None, fault)
    speaks(await client.patch(url, 0, data), 503, "unavailable")
    speaks(await client.fetch(done), 503, "unavailable")
    speaks(await client.try_create(3, b"abc"), 503, "unavailable")
    assert "Traceback" not in node.server.log()


async def test_a_stolen_object_is_a_missing_upload(node: Node, client: TusClient) -> None:
    url = await client.create(3, b"abc")
    node.bucket.put(url, b"xyz")
    speaks(await client.fetch(url), 404, "not-found")
