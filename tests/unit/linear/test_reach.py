"""Each function of the server that sees a client's text is tested to take linear time for it, or only hands it on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.unit.linear.expressions import ROOT
from tests.unit.linear.reach import Client, ask_directly, ask_everything, parse_all, watching
from tusd_py import create_app
from tusd_py.config import load_settings

HANDED_ON: Mapping[str, tuple[str, ...]] = {
    "to a parser": (
        *(
            "engine/direct.py abort",
            "engine/direct.py complete",
            "engine/direct.py _load",
            "engine/direct.py _checked",
            "engine/direct.py _hold",
            "http/handlers/direct.py object_key_of",
            "http/handlers/queries.py read_accept",
        ),
        *(
            "http/handlers/direct.py read_body",
            "http/handlers/direct.py _fill",
            "http/handlers/direct.py _next_chunk",
            "http/handlers/direct.py read_json_body",
        ),
        *("http/links.py Links.upload_id", "http/handlers/uploads.py _create"),
        *("http/upload_url.py upload_id_of", "http/upload_url.py sent_name", "engine/create.py _partial_id"),
        *("engine/pairing.py PairedState.resolve", "backends/"),
        *("serving/plan.py plan_download", "storage/naming.py path_of"),
    ),
    "in a text that is made of it": (
        *("http/cors.py Cors.decorate", "http/handlers/direct.py respond", "http/endpoint.py endpoint_url"),
        "http/context.py Context.endpoint",
        *("http/routes.py decorate", "http/handlers/uploads.py _creation_url", "http/handlers/uploads.py _endpoint"),
        *(
            "protocol/companion.py initiated",
            "protocol/rufh/wire.py Rufh.started",
            "protocol/rufh/wire.py Rufh.created",
        ),
        "serving/plan.py _disposition",
        *("http/handlers/plain.py answer_plain", "http/handlers/plain.py _reply", "http/translation.py response_of"),
    ),
    "to a store": (
        *(
            "backends/memory/state.py",
            "backends/memory/outbox.py",
            "storage/s3/api/client.py",
            "storage/s3/direct.py S3Direct.",
            "storage/s3/bucket.py Bucket.",
        ),
        *("storage/s3/api/presign.py Presigner.form", "storage/s3/storage.py S3Storage.start"),
        "storage/s3/api/requests.py RawS3._sign",
    ),
}
"""Functions that hand a client's text on without going through it, by where it goes. Each entry is the beginning of a
function's path below `tusd_py/` and its name; that of a package, a module or a class stands for all functions in it."""
CREATION = {
    "Tus-Resumable": "1.0.0",
    "Upload-Length": "5",
    "Upload-Metadata": "filename em1hcmt6,filetype dGV4dC96bWFya3o=",  # the mark, and a type of it
    "Content-Type": "application/offset+octet-stream",
}
SETTINGS = {
    "state": "memory:",
    "trusted_proxies": "127.0.0.0/8",
    "allowed_hosts": "*",
    "allowed_types": "*/*",
    "object_key": "{filename}{id}",
    "log_audit": True,
    "plain_uploads": True,
}


@pytest.fixture(params=["disk", "S3"])
def where(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, object]:
    if request.param == "disk":
        return {"storage": f"file:{tmp_path}"}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    endpoint = request.getfixturevalue("moto_endpoint")
    return {"storage": "s3://uploads/reach", "s3_endpoint_url": endpoint, "direct_uploads": True}


async def test_what_sees_a_text_of_a_client_is_tested_or_hands_it_on(where: Mapping[str, object]) -> None:
    app = create_app(load_settings({**where, **SETTINGS}, None, {}))
    async with TestClient(TestServer(app)) as client:
        with watching() as functions:
            await ask_everything(client, await _create(client))
            if "direct_uploads" in where:
                await ask_directly(client)
    with watching() as parsed:
        parse_all()
    handed_on = tuple(place for places in HANDED_ON.values() for place in places)
    assert [place for place in sorted(functions - parsed) if not place.startswith(handed_on)] == []


async def _create(client: Client) -> str:
    async with client.post("/files/", data=b"12345", headers=CREATION) as answer:
        assert answer.status == 201
        return "/files/" + answer.headers["Location"].rpartition("/")[2]


def test_what_hands_a_text_on_is_there() -> None:
    """Each function and class that `HANDED_ON` names exists: a stale entry could excuse a later one of that name."""
    entries = [place for places in HANDED_ON.values() for place in places if " " in place]
    assert [place for place in entries if not _defined(*place.split(" "))] == []


def _defined(path: str, name: str) -> bool:
    code, (owner, _, method) = (ROOT / path).read_text(), name.rpartition(".")
    return (not owner or f"class {owner}" in code) and (not method or f"def {method}(" in code)
