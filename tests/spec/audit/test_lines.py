"""Each log line about a request has, as far as they exist, the request's id, its trace's id and an owner: the owner of
the upload whose change the line tells of, else the subject of the request's credential. A request id that isn't valid
isn't sent back."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import serving
from tests.support.tus import TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = "k" * 32
TRACE, SPAN = "1" * 32, "2" * 16
HEADERS = {
    "x_api_key": KEY,
    "x_request_id": "r-7",
    "traceparent": f"00-{TRACE}-{SPAN}-01",
}


async def test_each_line_names_the_request_its_owner_and_its_trace(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"ann:{sha256(KEY.encode()).hexdigest()}\n")
    settings: dict[str, Any] = {
        "auth": "api-key",
        "auth_keys_file": tmp_path / "keys",
        "log_audit": True,
        "log_access": True,
    }
    async with serving(tmp_path, log_format="json", **settings) as server, server.session() as session:
        tus = TusClient(session, server.url)
        url = await tus.create(3, b"abc", **HEADERS)
        await tus.get(url, **HEADERS)
        await tus.get(url + "x", **HEADERS)

        async def written() -> bool:
            return server.log().count('"event": "request"') >= 3

        await until(written)
        lines = [json.loads(line) for line in server.log().splitlines() if '"request_id": "r-7"' in line]
    events = ["upload created", "upload finished", "upload downloaded", "request refused", "request"]
    assert {line["event"] for line in lines} == set(events)
    assert {(line["owner"], line["trace_id"], line.get("span_id")) for line in lines} == {("ann", TRACE, None)}


@pytest.mark.parametrize("request_id", ["a b", "ü", "x" * 129, ""])
async def test_a_request_id_that_is_none_is_not_repeated(tus: TusClient, request_id: str) -> None:
    answer = await tus.options(x_request_id=request_id)
    assert "X-Request-ID" not in answer.headers
