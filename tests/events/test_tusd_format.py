"""Hooks get from this server what tusd 2.10 sent them, compared as text, so that order of keys, escapes and blanks
count. Exceptions are `InfoPath`, which is empty, and the fields Authorization and Cookie, which events don't have."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict

from tests.events.scenarios import METADATA, SCENARIOS
from tests.support.receiver import receiving
from tests.support.server import serving
from tusd_py.domain.caller import Caller
from tusd_py.domain.place import Place
from tusd_py.domain.upload import Kind, Times, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.events_out.formats.tusd import HOOKS, body
from tusd_py.events_out.hooks.call import environment

CORPUS = Path(__file__).parent / "tusd_hooks"
EVENTS = frozenset(HOOKS.values())
NOT_STORED = {"Authorization", "Cookie"}


def recorded(name: str) -> Sequence[Any]:
    calls: Sequence[Any] = json.loads((CORPUS / f"{name}.json").read_text())
    return calls


@pytest.mark.parametrize("name", [*SCENARIOS, "commands"])
def test_each_recorded_body_is_made_again_byte_for_byte(name: str) -> None:
    for call in recorded(name):
        call_body = json.loads(call["body"])
        own = body(call_body["Type"], _upload(call_body), _caller(call_body), _place(call_body)).decode()
        assert own == re.sub(r'"InfoPath":"[^"]+"', '"InfoPath":""', call["body"])


def test_a_command_gets_the_environment_that_tusd_gives_it() -> None:
    for call in recorded("commands"):
        own = environment(call["hook"], "evt_1", _upload(json.loads(call["body"])))
        lines = [f"{name}={value}" for name, value in sorted(own.items()) if name != "TUS_EVENT_ID"]
        assert [*lines, "/srv/hooks"] == call["environment"]


async def test_the_same_client_makes_the_same_events(tmp_path: Path) -> None:
    async with (
        receiving() as receiver,
        serving(
            tmp_path,
            hooks_http=receiver.url,
            hooks_enabled_events="post-create,post-finish,post-terminate",
        ) as server,
    ):
        for name, scenario in SCENARIOS.items():
            expected = sorted(_normal(text, "/srv/data") for text in _events(call["body"] for call in recorded(name)))
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
                await scenario(http, server.url)
            arrivals = await receiver.wait(len(expected))
            own = sorted(_normal(arrival.body.decode(), f"{tmp_path}/data") for arrival in arrivals)
            assert own == expected, name
            assert {arrival.headers["Content-Type"] for arrival in arrivals} == {"application/json"}
            receiver.arrivals.clear()


def _events(texts: Iterator[str]) -> Iterator[str]:
    return (text for text in texts if json.loads(text)["Type"] in EVENTS)


def _normal(text: str, folder: str) -> str:
    """Return the body of a hook call with fixed words for ids, for the host with its port and for `folder`, an empty
    `InfoPath`, and without the header fields that this server doesn't store."""
    plain = text.replace(f"{folder}/.tusd-py", "/srv/data").replace(folder, "/srv/data")
    plain = re.sub(r'"InfoPath":"[^"]+"', '"InfoPath":""', plain)
    plain = re.sub(r"127\.0\.0\.1:\d+", "HOST", re.sub(r"[0-9a-f]{32}", "ID", plain))
    call_body = json.loads(plain)
    for name in NOT_STORED & set(call_body["Event"]["HTTPRequest"]["Header"]):
        plain = re.sub(rf'"{name}":\[[^\]]*\],', "", plain)
    return plain


def _upload(call_body: Mapping[str, Any]) -> Upload:
    """Return the upload that the body of a hook call tells of."""
    upload = call_body["Event"]["Upload"]
    kind = Kind.PARTIAL if upload["IsPartial"] else Kind.FINAL if upload["IsFinal"] else Kind.REGULAR
    return Upload(
        id=UploadId(upload["ID"]),
        kind=kind,
        length=None if upload["SizeIsDeferred"] else upload["Size"],
        offset=upload["Offset"],
        metadata=_metadata(call_body),
        partials=tuple(upload["PartialUploads"] or ()),
        times=Times.at_creation(0.0),
    )


def _metadata(call_body: Mapping[str, Any]) -> Mapping[str, bytes]:
    """Return the metadata as the client sent it: from the field Upload-Metadata of the request in the hook call, or
    else from the call's upload. In the latter case the value of the key `broken`, bytes that JSON can't hold, is
    replaced by the one that the client sent."""
    sent_values = call_body["Event"]["HTTPRequest"]["Header"].get("Upload-Metadata")
    if sent_values is None:
        values = call_body["Event"]["Upload"]["MetaData"]
        return {key: METADATA["broken"] if key == "broken" else value.encode() for key, value in values.items()}
    pairs = (pair.partition(" ") for pair in sent_values[0].split(","))
    return {key: b64decode(value) for key, _, value in pairs}


def _caller(call_body: Mapping[str, Any]) -> Caller:
    request = call_body["Event"]["HTTPRequest"]
    fields = [(name, value) for name, values in request["Header"].items() for value in values]
    return Caller(
        method=request["Method"], target=request["URI"], peer=request["RemoteAddr"], headers=CIMultiDict(fields)
    )


def _place(call_body: Mapping[str, Any]) -> Place | None:
    storage = call_body["Event"]["Upload"]["Storage"]
    return None if storage is None else Place(key="key", path=storage["Path"])
