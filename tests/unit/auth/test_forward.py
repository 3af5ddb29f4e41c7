"""Questions to an authentication server: what it is told, and what each answer means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from multidict import CIMultiDict

from tests.support.credentials import Answer, Scripted, Troubles, fixed, request, scripted, session
from tusd_py.auth import forward
from tusd_py.auth.forward import ForwardAuth
from tusd_py.domain.access_refusals import AuthUnavailable, Unauthenticated
from tusd_py.domain.caller import Caller
from tusd_py.domain.principal import Principal
from tusd_py.domain.refusals import Forbidden

OK = fixed(200, Remote_User="alice")


@asynccontextmanager
async def opened(
    answer: Answer = OK, *, patience: float = 5.0, path: str = "auth?x=1", **settings: Any
) -> AsyncIterator[tuple[ForwardAuth, Scripted, Troubles]]:
    troubles = Troubles()
    async with scripted(answer) as server:
        authenticator = ForwardAuth(f"{server.url}{path}", session(patience), troubles, **settings)
        try:
            yield authenticator, server, troubles
        finally:
            await authenticator.aclose()


@pytest.mark.parametrize("status", [200, 202, 204, 299])
@pytest.mark.parametrize("header", ["Remote_User", "X_Auth_Request_User", "X_Forwarded_User"])
async def test_a_good_answer_names_the_user(status: int, header: str) -> None:
    async with opened(fixed(status, **{header: "alice"})) as (authenticator, _, __):
        assert await authenticator.identify(request()) == Principal(subject="alice")


async def test_the_first_of_the_headers_counts() -> None:
    answer = fixed(200, X_Forwarded_User="c", X_Auth_Request_User="b", Remote_User="a")
    async with opened(answer) as (authenticator, _, __):
        assert await authenticator.identify(request()) == Principal(subject="a")


async def test_a_header_that_is_set_is_the_only_one() -> None:
    answer = fixed(200, Remote_User="a", X_Mail="b")
    async with opened(answer, user_header="x-mail") as (authenticator, _, __):
        assert await authenticator.identify(request()) == Principal(subject="b")
    async with opened(OK, user_header="x-mail") as (authenticator, _, __):
        assert await authenticator.identify(request()) == Principal(subject=None)


async def test_a_good_answer_without_a_user_allows_without_an_owner() -> None:
    async with opened(fixed(204)) as (authenticator, _, __):
        assert await authenticator.identify(request()) == Principal(subject=None)


async def test_401_passes_its_challenge_on() -> None:
    for challenge, expected in (('Basic realm="x"', 'Basic realm="x"'), ("x" * 2000, "Bearer")):
        async with opened(fixed(401, WWW_Authenticate=challenge)) as (authenticator, _, __):
            with pytest.raises(Unauthenticated) as raised:
                await authenticator.identify(request())
            assert raised.value.challenge == expected
    async with opened(fixed(401)) as (authenticator, _, __):
        with pytest.raises(Unauthenticated):
            await authenticator.identify(request())


async def test_403_is_a_refusal() -> None:
    async with opened(fixed(403, "secret")) as (authenticator, _, __):
        with pytest.raises(Forbidden) as raised:
            await authenticator.identify(request())
        assert "secret" not in raised.value.message


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307])
async def test_a_redirect_to_a_login_is_401(status: int) -> None:
    async with opened(fixed(status, Location="/login")) as (authenticator, server, _):
        with pytest.raises(Unauthenticated):
            await authenticator.identify(request())
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 404, 407, 429, 500, 502, 503])
async def test_any_other_answer_is_none(status: int) -> None:
    async with opened(fixed(status)) as (authenticator, _, troubles):
        with pytest.raises(AuthUnavailable):
            await authenticator.identify(request())
        assert troubles.reasons == [f"HTTP {status}"]


async def test_no_answer_in_time_is_none() -> None:
    async with opened(patience=0.05) as (authenticator, server, troubles):
        server.hang()
        with pytest.raises(AuthUnavailable):
            await authenticator.identify(request())
        assert troubles.messages == ["auth server doesn't answer"]


async def test_no_server_is_none() -> None:
    authenticator = ForwardAuth("http://127.0.0.1:1/", session(), Troubles())
    with pytest.raises(AuthUnavailable):
        await authenticator.identify(request())
    await authenticator.aclose()


async def test_the_question_is_a_get_without_a_body() -> None:
    async with opened() as (authenticator, server, _):
        await authenticator.identify(request("PATCH", Content_Length="5", Transfer_Encoding="chunked"))
        [question] = server.requests
        assert (question.method, question.path_qs, question.body_exists) == ("GET", "/auth?x=1", False)


async def test_the_server_gets_what_a_proxy_would_tell() -> None:
    async with opened() as (authenticator, server, _):
        await authenticator.identify(
            request("PATCH", "/files/0?a=b", Cookie="s=1", Authorization="Bearer x", X_Own="1")
        )
        [question] = server.requests
        expected = {
            "X-Forwarded-Method": "PATCH",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "up.example",
            "X-Forwarded-Uri": "/files/0?a=b",
            "X-Forwarded-For": "192.0.2.7",
            "X-Original-Method": "PATCH",
            "X-Original-URL": "https://up.example/files/0?a=b",
            "Cookie": "s=1",
            "Authorization": "Bearer x",
            "X-Own": "1",
        }
        assert {name: question.headers.getall(name) for name in expected} == {n: [v] for n, v in expected.items()}


async def test_the_clients_own_words_for_these_are_replaced() -> None:
    names = ("X_Forwarded_For", "X_Forwarded_Uri", "X_Forwarded_Method", "X_Original_URL", "X_Forwarded_User")
    async with opened() as (authenticator, server, _):
        await authenticator.identify(request("POST", "/", **dict.fromkeys(names, "forged"), Forwarded="for=forged"))
        assert "forged" not in str(server.requests[0].headers)


@pytest.mark.parametrize(
    "name",
    [
        *("Content_Type", "Content_Encoding", "Upload_Length", "Upload_Metadata", "Tus_Resumable", "Expect"),
        *("Keep_Alive", "TE", "Trailer", "Upgrade", "Proxy_Authorization", "Proxy_Connection"),
    ],
)
async def test_what_belongs_to_the_request_alone_is_not_told(name: str) -> None:
    async with opened() as (authenticator, server, _):
        await authenticator.identify(request("POST", "/", **{name: "forged"}))
        assert "forged" not in server.requests[0].headers.getall(name.replace("_", "-"), [])


async def test_what_the_connection_names_is_not_told() -> None:
    async with opened() as (authenticator, server, _):
        await authenticator.identify(request(Connection="close, X-Hop", X_Hop="1", X_Own="1"))
        assert ("X-Hop" in server.requests[0].headers, "X-Own" in server.requests[0].headers) == (False, True)


async def test_what_a_second_connection_line_names_is_not_told() -> None:
    lines = [("Connection", "close"), ("Connection", "X-Hop"), ("X-Hop", "1"), ("X-Own", "1")]
    async with opened() as (authenticator, server, _):
        await authenticator.identify(Caller(headers=CIMultiDict(lines)))
        assert ("X-Hop" in server.requests[0].headers, "X-Own" in server.requests[0].headers) == (False, True)


async def test_a_field_in_two_lines_is_told_in_two() -> None:
    async with opened() as (authenticator, server, _):
        await authenticator.identify(Caller(headers=CIMultiDict([("Cookie", "a=1"), ("Cookie", "b=2")])))
        assert server.requests[0].headers.getall("Cookie") == ["a=1", "b=2"]


async def test_without_an_endpoint_no_origin_is_told() -> None:
    async with opened() as (authenticator, server, _):
        await authenticator.identify(replace(request(), endpoint=""))
        assert {"X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-URL"}.isdisjoint(server.requests[0].headers)


async def test_bytes_that_are_no_text_are_told_as_marks() -> None:
    async with opened() as (authenticator, server, _):
        assert await authenticator.identify(request(target="/\udcff", Cookie="\udcff")) == Principal(subject="alice")
        assert server.requests[0].headers["Cookie"] == "?"


async def test_each_request_is_asked_about_unless_a_cache_is_set() -> None:
    async with opened() as (authenticator, server, _):
        for _ in range(3):
            await authenticator.identify(request())
        assert len(server.requests) == 3


async def test_a_good_answer_is_kept_for_the_same_question() -> None:
    async with opened(cache=60) as (authenticator, server, _):
        for number in range(3):
            caller = request(Cookie="a=1", X_Request_ID=f"{number}")
            assert await authenticator.identify(caller) == Principal(subject="alice")
        assert len(server.requests) == 1
        for other_request in (
            request(Cookie="a=2"),
            request("GET", Cookie="a=1"),
            request(target="/files/1", Cookie="a=1"),
        ):
            await authenticator.identify(other_request)
        assert len(server.requests) == 4


async def test_a_kept_answer_grows_old() -> None:
    async with opened(cache=0.001) as (authenticator, server, _):
        await authenticator.identify(request())
        await asyncio.sleep(0.01)
        server.answer = fixed(401)
        with pytest.raises(Unauthenticated):
            await authenticator.identify(request())


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_no_other_answer_is_kept(status: int) -> None:
    async with opened(fixed(status), cache=60) as (authenticator, server, _):
        with pytest.raises((Unauthenticated, Forbidden, AuthUnavailable)):
            await authenticator.identify(request())
        server.answer = OK
        assert await authenticator.identify(request()) == Principal(subject="alice")


async def test_the_cache_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "_MAX_ANSWERS", 3)
    async with opened(cache=60) as (authenticator, server, _):
        for number in range(5):
            await authenticator.identify(request(Cookie=f"a={number}"))
        assert len(authenticator._answers) == 3
        await authenticator.identify(request(Cookie="a=4"))
        await authenticator.identify(request(Cookie="a=0"))
        assert len(server.requests) == 6
