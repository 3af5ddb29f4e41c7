"""CORS headers of the routes of direct uploads."""

from __future__ import annotations

import pytest

from tests.support.direct import DirectClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

APP = "https://app.example"
ROUTES = ("params", "multipart", f"multipart/{'0' * 32}/complete", "presign", f"xml/{'0' * 32}")


@pytest.mark.parametrize("route", ROUTES)
async def test_a_preflight_is_answered(direct_strict: DirectClient, route: str) -> None:
    headers = {"Origin": APP, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = await direct_strict.request("OPTIONS", f"{direct_strict.url}/{route}", None, headers)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"]
    assert {"GET", "POST", "DELETE"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))


async def test_refusals_can_be_read_too(direct_strict: DirectClient) -> None:
    answer = await direct_strict.request("GET", f"{direct_strict.url}/params", None, {"Origin": APP})
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (400, APP)
    refused = await direct_strict.request(
        "GET", f"{direct_strict.url}/params", None, {"Origin": "https://evil.example"}
    )
    assert "Access-Control-Allow-Origin" not in refused.headers


async def test_a_request_id_comes_back(direct: DirectClient) -> None:
    answer = await direct.request("GET", f"{direct.url}/params", None, {"X-Request-ID": "abc-1"})
    assert (answer.headers["X-Request-ID"], answer.json["requestId"]) == ("abc-1", "abc-1")
