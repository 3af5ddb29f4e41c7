"""CORS headers for browsers."""

from __future__ import annotations

import re

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tusd_py.http.cors import Cors


async def decorate(
    method: str = "PATCH", origin: str | None = "https://app.example", *, credentials: bool = False
) -> web.Response:
    cors = Cors(
        allow_origin=re.compile(r"https://app\.example"), allow_credentials=credentials, allow_headers=("X-Mine",)
    )
    response = web.Response()
    await cors.decorate(make_mocked_request(method, "/", headers={"Origin": origin} if origin else {}), response)
    return response


async def test_allowed_origin_reads_answer_and_tus_headers() -> None:
    headers = (await decorate()).headers
    assert headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert {"Location", "Upload-Offset", "WWW-Authenticate"} <= set(
        headers["Access-Control-Expose-Headers"].split(", ")
    )


@pytest.mark.parametrize("origin", [None, "https://app.example.evil", "http://app.example", "null"])
async def test_any_other_origin_is_told_nothing(origin: str | None) -> None:
    assert [name for name in (await decorate("OPTIONS", origin)).headers if name.startswith("Access-Control")] == []


@pytest.mark.parametrize("origin", [None, "https://app.example"])
async def test_caches_know_that_the_answer_depends_on_the_origin(origin: str | None) -> None:
    assert (await decorate(origin=origin)).headers["Vary"] == "Origin"


async def test_a_preflight_learns_the_methods_and_headers() -> None:
    headers = (await decorate("OPTIONS")).headers
    assert "PATCH" in headers["Access-Control-Allow-Methods"]
    assert {"Upload-Offset", "X-Mine"} <= set(headers["Access-Control-Allow-Headers"].split(", "))


@pytest.mark.parametrize("allowed", [True, False])
async def test_credentials_are_allowed_only_where_that_is_set(*, allowed: bool) -> None:
    assert ("Access-Control-Allow-Credentials" in (await decorate(credentials=allowed)).headers) is allowed
