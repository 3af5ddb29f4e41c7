"""The set of public keys: fetched seldom, kept through outages, and never fetched from the target of a redirect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from jwt.algorithms import get_default_algorithms

from tests.support.credentials import Answer, Scripted, Troubles, fixed, key_set, scripted, session
from tests.support.credentials import signing_key as new_key
from tusd_py.auth import jwks
from tusd_py.auth.jwks import Jwks
from tusd_py.domain.access_refusals import AuthUnavailable

BROKEN: list[Answer] = [
    fixed(500),
    fixed(404),
    fixed(200, "not JSON"),
    fixed(200, "[]"),
    fixed(200, '{"keys": 5}'),
    fixed(200, '{"keys": []}'),
    fixed(200, '{"keys": [5, {}, {"kty": "what"}, {"kty": "oct", "k": "YQ", "alg": "HS256"}]}'),
    fixed(200, "[" * 100_000),
    fixed(200, "x" * (1024 * 1024 + 1)),
]


@asynccontextmanager
async def opened(
    answer: Answer, *, patience: float = 5.0, **settings: float
) -> AsyncIterator[tuple[Jwks, Scripted, Troubles]]:
    troubles = Troubles()
    async with scripted(answer) as server:
        keys = Jwks(server.url, session(patience), troubles, **{"age": 300, "refresh_pause": 30, **settings})
        try:
            yield keys, server, troubles
        finally:
            await keys.aclose()


async def test_one_fetch_serves_all() -> None:
    key = new_key()
    async with opened(key_set(key)) as (keys, server, _):
        answers = await asyncio.gather(*(keys.find("ES256", key.entry["kid"]) for _ in range(50)))
        assert {len(answer) for answer in answers} == {1}
        assert len(server.requests) == 1


async def test_a_new_key_is_found_at_its_first_token() -> None:
    before, after = new_key(), new_key()
    async with opened(key_set(before)) as (keys, server, _):
        await keys.find("ES256", before.entry["kid"])
        server.serve(after)
        answers = await asyncio.gather(*(keys.find("ES256", after.entry["kid"]) for _ in range(20)))
        assert {len(answer) for answer in answers} == {1}
        assert len(server.requests) == 2
        assert await keys.find("ES256", before.entry["kid"]) == []


async def test_unknown_keys_cause_one_fetch_in_a_while() -> None:
    async with opened(key_set(new_key())) as (keys, server, _):
        for number in range(100):
            assert await keys.find("ES256", f"made up {number}") == []
        assert len(server.requests) == 2  # the first one, and one for all that is unknown


async def test_unknown_keys_cause_another_fetch_after_the_pause() -> None:
    key = new_key()
    async with opened(key_set(new_key()), refresh_pause=0.01) as (keys, server, _):
        assert await keys.find("ES256", key.entry["kid"]) == []
        server.serve(key)
        await asyncio.sleep(0.02)
        assert len(await keys.find("ES256", key.entry["kid"])) == 1


async def test_an_old_set_is_fetched_again() -> None:
    before, after = new_key(), new_key()
    async with opened(key_set(before), age=0.01) as (keys, server, _):
        await keys.find("ES256", before.entry["kid"])
        server.serve(after)
        await asyncio.sleep(0.02)
        assert await keys.find("ES256", before.entry["kid"]) == []


@pytest.mark.parametrize("broken", BROKEN, ids=range(len(BROKEN)))
async def test_known_keys_go_on_through_an_outage(broken: Answer) -> None:
    key = new_key()
    async with opened(key_set(key), age=0.001, refresh_pause=0.001) as (keys, server, troubles):
        await keys.find("ES256", key.entry["kid"])
        server.answer = broken
        for _ in range(3):
            await asyncio.sleep(0.002)
            assert len(await keys.find("ES256", key.entry["kid"])) == 1
        with pytest.raises(AuthUnavailable):
            await keys.find("ES256", "unknown")
        assert set(troubles.messages) == {"jwks not fetched"}


@pytest.mark.parametrize("broken", BROKEN, ids=range(len(BROKEN)))
async def test_without_a_set_nothing_can_be_told(broken: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "_PAUSE", 0.0)
    key = new_key()
    async with opened(broken) as (keys, server, _):
        for kid in (key.entry["kid"], None):
            with pytest.raises(AuthUnavailable):
                await keys.find("ES256", kid)
        server.serve(key)
        assert len(await keys.find("ES256", key.entry["kid"])) == 1


async def test_a_server_that_fails_is_not_asked_by_each_request() -> None:
    async with opened(fixed(500)) as (keys, server, _):
        answers = await asyncio.gather(*(keys.find("ES256", "a") for _ in range(20)), return_exceptions=True)
        assert all(isinstance(answer, AuthUnavailable) for answer in answers)
        assert len(server.requests) == 1


async def test_a_server_that_is_not_there_is_an_outage() -> None:
    keys = Jwks("http://127.0.0.1:1/", session(), Troubles(), age=300, refresh_pause=30)
    with pytest.raises(AuthUnavailable):
        await keys.find("ES256", "a")
    await keys.aclose()


async def test_a_server_that_hangs_is_an_outage() -> None:
    async with opened(fixed(200), patience=0.05) as (keys, server, _):
        server.hang()
        with pytest.raises(AuthUnavailable):
            await keys.find("ES256", "a")


async def test_a_hanging_refresh_keeps_no_known_key_waiting() -> None:
    key = new_key()
    async with opened(key_set(key)) as (keys, server, _):
        await keys.find("ES256", key.entry["kid"])
        server.hang()
        waiting = asyncio.create_task(keys.find("ES256", "unknown"))
        await server.hung.wait()
        assert len(await keys.find("ES256", key.entry["kid"])) == 1
        waiting.cancel()


async def test_a_redirect_is_not_followed() -> None:
    key = new_key()

    async def redirect(request: web.Request) -> web.StreamResponse:
        return (
            await key_set(key)(request)
            if request.path == "/there"
            else web.Response(status=302, headers={"Location": "/there"})
        )

    async with opened(redirect) as (keys, server, troubles):
        with pytest.raises(AuthUnavailable):
            await keys.find("ES256", key.entry["kid"])
        assert [request.path for request in server.requests] == ["/"]
        assert troubles.reasons == ["HTTP 302"]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_private_key_in_the_set_counts_as_its_public_one(algorithm: str) -> None:
    key = new_key(algorithm)
    private = get_default_algorithms()[algorithm].to_jwk(key.private, as_dict=True)
    published = replace(key, entry={**key.entry, **private})
    async with opened(key_set(published)) as (keys, _, __):
        (usable,) = await keys.find(algorithm, key.entry["kid"])
        assert usable == key.private.public_key()


@pytest.mark.parametrize(
    "changes", [{"use": "enc"}, {"kty": "EC", "crv": "P-256", "x": "!", "y": "!"}, {"alg": "what"}]
)
async def test_keys_for_other_uses_are_passed_over(changes: dict[str, Any]) -> None:
    odd, key = new_key(**changes), new_key()
    async with opened(key_set(odd, key)) as (keys, _, __):
        assert await keys.find("ES256", odd.entry["kid"]) == []
        assert len(await keys.find("ES256", key.entry["kid"])) == 1
