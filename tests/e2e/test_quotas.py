"""Quotas as clients meet them, and `tusd-py usage` together with the live server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.rufh import RufhClient
from tests.support.server import Server, serving
from tests.support.tus import TusClient
from tusd_py.backends.redis.state import RedisState
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.account import Account
from tusd_py.domain.upload import Times, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.state import StateStore


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:{tmp_path}/state.db"
    url: str = request.getfixturevalue("redis_url")
    return url


@asynccontextmanager
async def started(tmp_path: Path, place: str, **settings: Any) -> AsyncIterator[tuple[Server, TusClient]]:
    async with (
        serving(tmp_path, storage=f"file:{tmp_path}/data", state=place, **settings) as server,
        aiohttp.ClientSession() as session,
    ):
        yield server, TusClient(session, server.url)


async def usage(server: Server, *arguments: str) -> list[dict[str, object]]:
    outcome = await server.command("usage", *arguments, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    return [json.loads(line) for line in outcome.out.splitlines()]


def charged(stored: int, reserved: int, uploads: int) -> list[dict[str, object]]:
    return [{"owner": "-", "bytes": stored, "reserved": reserved, "uploads": uploads}]


async def test_bytes_past_the_quota_are_refused_in_each_protocol(tmp_path: Path, place: str) -> None:
    async with started(tmp_path, place, quota_bytes=10) as (server, tus):
        url = await tus.create(6)
        assert await usage(server) == charged(0, 6, 1)
        refused = await tus.post(upload_length=5)
        assert (refused.status, "Retry-After" in refused.headers) == (413, False)
        assert refused.body.decode() == "over-quota: the account has no room for so many bytes: delete some uploads\n"
        rufh = RufhClient(tus._session, server.url)
        answer = await rufh.request("POST", server.url, b"12345", upload_complete="?1")
        assert answer.status == 413
        assert json.loads(answer.body)["code"] == "over-quota"
        assert await usage(server) == charged(0, 6, 1)
        assert (await tus.patch(url, 0, b"abcdef")).status == 204
        assert await usage(server) == charged(6, 0, 0)
        assert (await tus.request("DELETE", url)).status == 204
        assert await usage(server) == []
        await tus.create(10)


async def test_deferred_length_is_held_to_the_quota(tmp_path: Path, place: str) -> None:
    async with started(tmp_path, place, quota_bytes=10) as (server, tus):
        url = await tus.create(None)
        assert await usage(server) == charged(0, 0, 1)
        assert (await tus.patch(url, 0, b"x" * 11)).status == 413
        assert await tus.offset(url) == 0
        assert (await tus.patch(url, 0, b"x" * 4)).status == 204
        assert await usage(server, "-") == charged(0, 10, 1)
        assert (await tus.post(upload_length=1)).status == 413
        assert (await tus.patch(url, 4, b"", upload_length=4)).status == 204
        assert await usage(server, "-") == charged(4, 0, 0)
        await tus.create(6)


async def test_unfinished_uploads_past_the_quota_are_refused(tmp_path: Path, place: str) -> None:
    async with started(tmp_path, place, quota_uploads=1) as (server, tus):
        url = await tus.create(3)
        assert (await tus.post(upload_length=3)).status == 413
        assert (await tus.patch(url, 0, b"abc")).status == 204
        await tus.create(3)
        assert await usage(server) == charged(3, 3, 1)


async def test_a_final_upload_takes_over_its_partials(tmp_path: Path, place: str) -> None:
    async with started(tmp_path, place, quota_bytes=10) as (server, tus):
        parts = [await tus.create(5, b"abcde", upload_concat="partial") for _ in range(2)]
        assert await usage(server) == charged(10, 0, 0)
        final = await tus.post(upload_concat=f"final;{' '.join(parts)}")
        assert final.status == 201
        for part in parts:
            assert (await tus.request("DELETE", part)).status == 204
        assert await usage(server) == charged(10, 0, 0)
        assert (await tus.request("DELETE", final.url)).status == 204
        assert await usage(server) == []


@asynccontextmanager
async def opened(place: str) -> AsyncIterator[StateStore]:
    state: StateStore = RedisState(place) if "redis" in place else SqliteState(Path(place.removeprefix("sqlite:")))
    yield state
    await state.aclose()


async def test_an_operator_sees_all_accounts_and_commands_give_back(tmp_path: Path, place: str) -> None:
    async with started(tmp_path, place) as (server, tus):
        url = await tus.create(7, b"abc")
        async with opened(place) as state:
            ann = Upload(id=UploadId("a" * 32), length=5, account=Account(name="t/ann\n"), times=Times.at_creation(1.0))
            await state.create(ann)
        assert [entry["owner"] for entry in await usage(server)] == ["-", "t/ann\n"]
        assert await usage(server, "eve") == [{"owner": "eve", "bytes": 0, "reserved": 0, "uploads": 0}]
        table = (await server.command("usage")).out.splitlines()
        assert [line.split() for line in table] == [
            ["bytes", "reserved", "uploads", "owner"],
            ["0", "7", "1", "-"],
            ["0", "5", "1", r"t/ann\n"],
        ]
        outcome = await server.command("uploads", "terminate", url.rpartition("/")[2])
        assert outcome.code == 0
        assert await usage(server, "-") == charged(0, 0, 0)


async def test_repair_counts_again(tmp_path: Path) -> None:
    place = f"sqlite:{tmp_path}/state.db"
    async with started(tmp_path, place) as (server, tus):
        await tus.create(7, b"abc")
        async with opened(place) as state:
            assert isinstance(state, SqliteState)
            await state._thread.write(lambda connection: connection.execute("UPDATE uploads SET reserved = 9").rowcount)
        assert await usage(server) == charged(0, 9, 1)
        assert (await server.command("repair")).out == "0 found, 0 mended\n"
        assert (await server.command("repair", "--apply")).out == "1 charged again\n0 found, 0 mended\n"
        assert await usage(server) == charged(0, 7, 1)


async def test_owners_have_accounts_and_keys_quotas_of_their_own(tmp_path: Path, place: str) -> None:
    policies = {"small": "quota-bytes=10", "busy": "quota-uploads=1", "plain": ""}
    lines = [f"{name}:{sha256(name.encode()).hexdigest()}:{policy}".rstrip(":") for name, policy in policies.items()]
    (tmp_path / "keys").write_text("\n".join(lines))
    settings = {"auth": "api-key", "auth_keys_file": tmp_path / "keys", "quota_bytes": 20, "quota_rate": "4/h"}
    async with started(tmp_path, place, **settings) as (server, tus):
        small, busy, plain = ({"X_Api_Key": name} for name in policies)
        deferred = await tus.create(None, **small)
        assert (await tus.patch(deferred, 0, b"x" * 11)).status == 413, "also without the key"
        assert (await tus.patch(deferred, 0, b"x" * 10)).status == 204
        assert (await tus.post(upload_length=1, **small)).status == 413
        await tus.create(20, **busy)
        assert (await tus.post(upload_length=0, **busy)).status == 413
        for _ in range(4):
            await tus.create(5, **plain)
        refused = await tus.post(upload_length=0, **plain)
        assert (refused.status, refused.body.partition(b":")[0]) == (429, b"too-many-requests")
        assert 0 < int(refused.headers["Retry-After"]) <= 900
        assert {str(entry["owner"]): entry["reserved"] for entry in await usage(server)} == {
            "busy": 20,
            "plain": 20,
            "small": 10,
        }


async def test_a_token_is_counted_with_the_upload_that_it_creates(tmp_path: Path, place: str) -> None:
    (tmp_path / "secret").write_text("s" * 32)
    environment = {"TUSD_PY_AUTH_TOKEN_SECRET_FILE": str(tmp_path / "secret")}
    async with started(tmp_path, place, auth="token", environment=environment) as (server, tus):
        outcome = await server.command("token", "--sub", "ann", "--max", "10", "-n", "1", "--endpoint", server.url)
        token = {"Upload_Token": outcome.out.strip()}
        assert (await tus.post(upload_length=11, **token)).status == 413
        await tus.create(6, **token)
        refused = await tus.post(upload_length=6, **token)
        assert (refused.status, refused.body.partition(b":")[0]) == (403, b"token-used-up")
        assert await usage(server) == [{"owner": "ann", "bytes": 0, "reserved": 6, "uploads": 1}]
