"""Structured fields, Upload-Limit, OPTIONS and CORS in the IETF's protocol."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from tests.support.rufh import PARTIAL, RufhClient, limits, problem

pytestmark = pytest.mark.asyncio(loop_scope="session")

NO_INTEGERS = ["-1", "+1", "1.0", '"3"', "three", "", "3, 3", "?1", "1" * 16, ":Mw==:", "(3)"]


@pytest.mark.parametrize("field", ["3;a=1", "3; a=?0;b", " 3", "03"])
async def test_i3_an_integer_may_have_parameters(rufh: RufhClient, field: str) -> None:
    url = await rufh.begin_unfinished(b"abc", upload_length="10;unit=bytes")
    assert (await rufh.head(url)).headers["Upload-Length"] == "10"
    assert (await rufh.append(url, field, b"de", complete=False)).offset == 5


@pytest.mark.parametrize("field", NO_INTEGERS)
async def test_i3_an_offset_that_is_none_is_as_good_as_missing(rufh: RufhClient, field: str) -> None:
    url = await rufh.begin_unfinished(b"abc")
    answer = await rufh.append(url, field, b"de", complete=False)
    assert (answer.status, problem(answer)["code"]) == (400, "malformed")
    assert await rufh.state(url) == (3, False)


@pytest.mark.parametrize("field", NO_INTEGERS)
async def test_i3_a_length_that_is_none_is_as_good_as_missing(rufh: RufhClient, field: str) -> None:
    url = await rufh.begin_unfinished(b"abc", upload_length=field)
    assert "Upload-Length" not in (await rufh.head(url)).headers


@pytest.mark.parametrize("field", ["1", "true", "?2", "?", "", "?1, ?1", '"?1"', "?é1"])
async def test_i3_a_completeness_that_is_none_is_as_good_as_missing(rufh: RufhClient, field: str) -> None:
    created = await rufh.metric("uploads_created_total")
    assert (await rufh.post(b"abc", upload_complete=field)).status == 400
    assert await rufh.metric("uploads_created_total") == created
    url = await rufh.begin_unfinished(b"abc")
    assert (await rufh.patch(url, 3, b"d", content_type=PARTIAL, upload_complete=field)).status == 400
    assert await rufh.state(url) == (3, False)


async def test_i3_a_completeness_may_have_parameters(rufh: RufhClient) -> None:
    assert (await rufh.post(b"abc", upload_complete="?1;sure")).headers["Upload-Complete"] == "?1"


async def test_i4_limits_are_what_is_enforced_and_never_empty(rufh: RufhClient, rufh_strict: RufhClient) -> None:
    assert limits(await rufh.options()) == {"min-size": 0, "max-age": 86400}
    assert limits(await rufh_strict.options()) == {"min-size": 0, "max-size": 1000}
    created = await rufh_strict.begin()
    assert limits(created) == limits(await rufh_strict.head(created.url)) == {"min-size": 0, "max-size": 1000}


async def test_i4_the_name_of_the_age_goes_with_the_version(rufh: RufhClient) -> None:
    assert [set(limits(await rufh.at(version).begin())) for version in (6, 7, None)] == [
        {"min-size", "expires"},
        {"min-size", "max-age"},
        {"min-size", "max-age"},
    ]


async def test_i5_limits_do_not_get_tighter_while_an_upload_grows(rufh: RufhClient) -> None:
    url = await rufh.begin_unfinished(upload_length=10)
    loop = asyncio.get_running_loop()
    ends = []
    for offset in range(3):
        answer = await rufh.append(url, offset, b"x", complete=False)
        ends.append(limits(answer)["max-age"] + loop.time())
    assert all(later >= earlier - 1 for earlier, later in pairwise(ends)), "whole seconds are told"


async def test_i6_i7_options_says_what_both_protocols_need_to_know(rufh: RufhClient) -> None:
    for answer in (
        await rufh.options(),
        await rufh.at(None).options(),
        await rufh.options(await rufh.begin_unfinished()),
    ):
        assert answer.status == 204
        assert "min-size" in limits(answer)
        assert PARTIAL in answer.headers["Accept-Patch"]
        assert answer.headers["Tus-Version"] == "1.0.0"


async def test_cors_allows_and_exposes_fields(rufh: RufhClient) -> None:
    origin: dict[str, Any] = {"origin": "https://shop.example"}
    preflight = await rufh.options(**origin, access_control_request_method="PUT")
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    allowed = preflight.headers["Access-Control-Allow-Headers"]
    assert all(name in allowed for name in ("Upload-Complete", "Upload-Incomplete", "Upload-Draft-Interop-Version"))
    exposed = (await rufh.begin(**origin)).headers["Access-Control-Expose-Headers"]
    assert all(name in exposed for name in ("Upload-Complete", "Upload-Limit", "Repr-Digest", "Location"))
