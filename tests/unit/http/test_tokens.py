"""POST /tokens: the credentials that get an upload token, and the terms of that token."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests.support.credentials import AUDIENCE, SECRET, good
from tusd_py import create_app
from tusd_py.config import load_settings

KEYS = {
    "backend": "",
    "narrow": "max-size=10,types=image/* text/plain",
    "uploads-only": "scopes=upload",
    "tokens-only": "scopes=tokens",
}
Client = TestClient[web.Request, web.Application]
Opened = Callable[..., Any]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    @asynccontextmanager
    async def open_(prefix: str = "", **settings: object) -> AsyncIterator[Client]:
        lines = [f"{name}:{hashlib.sha256(name.encode()).hexdigest()}:{policy}" for name, policy in KEYS.items()]
        (tmp_path / "keys").write_text("\n".join(lines))
        flags = {
            "state": "memory:",
            "storage": f"file:{tmp_path}",
            "auth": "token,jwt,api-key",
            "auth_token_secret": SECRET,
            "auth_jwt_secret": SECRET,
            "auth_audience": AUDIENCE,
            "auth_keys_file": str(tmp_path / "keys"),
            **settings,
        }
        app = outer = create_app(load_settings(flags, None, {}))
        if prefix:
            outer = web.Application()
            outer.add_subapp(prefix, app)
        async with TestClient(TestServer(outer)) as client:
            yield client

    return open_


async def ask(
    client: Client, body: object = None, *, key: str | None = "backend", method: str = "POST", path: str = "/tokens"
) -> tuple[int, Mapping[str, Any], Mapping[str, str]]:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    data = body if isinstance(body, bytes) else json.dumps({} if body is None else body)
    async with client.request(method, path, headers=headers, data=data) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text.startswith("{") else {}, answer.headers


async def issue(client: Client, **members: object) -> Mapping[str, Any]:
    status, content, _ = await ask(client, members)
    assert status == 201
    return jwt.decode(content["token"], SECRET, ["HS256"], options={"verify_aud": False})


async def test_a_key_gets_a_token_for_this_endpoint(opened: Opened) -> None:
    async with opened() as client:
        status, content, headers = await ask(client)
        endpoint = str(client.make_url("/files/"))
        assert (status, content["endpoint"], headers["Cache-Control"]) == (201, endpoint, "no-store")
        claims = jwt.decode(content["token"], SECRET, ["HS256"], audience=endpoint)
        assert (claims["jti"], claims["sub"], claims["scope"], claims["n"]) == (content["jti"], "backend", "create", 1)
        assert datetime.fromisoformat(content["expires"]) == datetime.fromtimestamp(claims["exp"], UTC)
        assert set(content) == {"token", "jti", "expires", "endpoint"}


async def test_members_are_claims(opened: Opened) -> None:
    members = {
        "scope": "watch",
        "sub": "alice",
        "max": 0,
        "types": ["image/*"],
        "meta": {"filename": "ü.txt", "empty": ""},
        "key": "a/b",
        "n": 3,
    }
    async with opened() as client:
        claims = await issue(client, **members)
        assert {name: claims[name] for name in members} == members


@pytest.mark.parametrize(("ttl", "seconds"), [(60, 60), ("15m", 900), ("7d", 604_800), (0.5, 1), (None, 3600)])
async def test_it_lives_as_long_as_it_is_to(opened: Opened, ttl: object, seconds: int) -> None:
    async with opened() as client:
        before = datetime.now(UTC).timestamp()
        claims = await issue(client, **({} if ttl is None else {"ttl": ttl}))
        after = datetime.now(UTC).timestamp()
        assert before + min(seconds, 0.5) <= claims["exp"] <= after + seconds + 1
        assert claims["exp"] >= before + seconds - 1


WRONG: Mapping[str, Sequence[object]] = {
    "ttl": (0, -1, "8d", "soon", True, None, [], 604_801),
    "max": (-1, "5", 1.5, True, None),
    "n": (0, "1", None),
    "scope": ("admin", "upload", 5),
    "key": ("", "/a", "a/", "../a", "a b", "0" * 32, "a" * 256),
    "types": ("image/*", ["image"], [5]),
    "meta": ([], {"a b": "c"}, {"": "c"}, {"a": 5}, {"a": "x" * 13_000}),
    "sub": ("", 5, "a\nb", None),
    "nonsense": (1,),
}


@pytest.mark.parametrize("members", [{name: value} for name in WRONG for value in WRONG[name]], ids=str)
async def test_wrong_members_are_400(opened: Opened, members: object) -> None:
    async with opened() as client:
        status, content, _ = await ask(client, members)
        assert (status, content["error"]) == (400, "malformed")


async def test_a_key_leaves_room_for_the_ids_of_several(opened: Opened) -> None:
    async with opened() as client:
        status, content, _ = await ask(client, {"key": "a" * 223, "n": 2})
        assert (status, content["error"]) == (400, "malformed")
        assert "key must be at most 222 characters" in content["message"]
        assert (await ask(client, {"key": "a" * 222, "n": 2}))[0] == 201


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 10_000])
async def test_what_is_no_object_is_400(opened: Opened, body: bytes) -> None:
    async with opened() as client:
        assert (await ask(client, body))[0] == 400


async def test_a_long_body_is_413(opened: Opened) -> None:
    async with opened() as client:
        assert (await ask(client, b" " * 16_382 + b"{}"))[0] == 201
        assert (await ask(client, b" " * 16_383 + b"{}"))[0] == 413


async def test_without_a_good_credential_it_is_401(opened: Opened) -> None:
    async with opened() as client:
        status, content, headers = await ask(client, key=None)
        assert (status, content["error"], headers["WWW-Authenticate"]) == (401, "unauthenticated", "Bearer")
        status, _, headers = await ask(client, key="made up")
        assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


async def test_another_credential_is_403(opened: Opened) -> None:
    async with opened() as client:
        token = (await ask(client))[1]["token"]
        for key in ("uploads-only", token, jwt.encode(good(), SECRET, "HS256")):
            status, content, _ = await ask(client, key=key)
            assert (status, content["error"]) == (403, "insufficient-scope")
        assert (await ask(client, key="tokens-only"))[0] == 201


async def test_a_key_gives_no_more_than_it_has(opened: Opened) -> None:
    async with opened() as client:
        for members, expected in (
            ({}, (10, ["image/*", "text/plain"])),
            ({"max": 5, "types": ["image/png"]}, (5, ["image/png"])),
        ):
            status, content, _ = await ask(client, members, key="narrow")
            claims = jwt.decode(content["token"], SECRET, ["HS256"], options={"verify_aud": False})
            assert (status, claims["max"], claims["types"]) == (201, *expected)
        for wide in ({"max": 11}, {"types": ["image/png", "video/mp4"]}, {"types": ["*/*"]}):
            assert (await ask(client, wide, key="narrow"))[0] == 403


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_405(opened: Opened, method: str) -> None:
    async with opened() as client:
        status, _, headers = await ask(client, method=method)
        assert (status, headers["Allow"]) == (405, "POST")


async def test_a_method_can_not_be_overridden(opened: Opened) -> None:
    async with opened() as client, client.post("/tokens", headers={"X-HTTP-Method-Override": "GET"}) as answer:
        assert answer.status == 401


@pytest.mark.parametrize("auth", ["none", "api-key"])
async def test_without_tokens_there_is_no_such_place(opened: Opened, auth: str) -> None:
    async with opened(auth=auth) as client:
        assert (await ask(client))[0] == 404


async def test_the_endpoint_is_the_one_that_clients_see(opened: Opened) -> None:
    async with opened(public_url="https://up.example/files") as client:
        assert (await ask(client))[1]["endpoint"] == "https://up.example/files/"
    async with opened(base_path="/") as client:
        assert (await ask(client))[1]["endpoint"] == str(client.make_url("/"))
    async with opened("/up") as client:
        assert (await ask(client, path="/up/tokens"))[1]["endpoint"] == str(client.make_url("/up/files/"))


async def test_pages_send_json_alone(opened: Opened) -> None:
    """A POST /tokens with an Origin must have the type application/json, else 415: a form of another site, which is
    sent without a preflight, can't have that type."""
    headers = {"Authorization": "Bearer backend", "Origin": "https://page.example"}
    async with opened() as client:
        for kind, status in (("text/plain", 415), ("application/json", 201)):
            async with client.post("/tokens", headers={**headers, "Content-Type": kind}, data=b"{}") as answer:
                assert answer.status == status
