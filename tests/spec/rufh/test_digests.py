"""Digests (RFC 9530): of the content of one request, and of the whole upload."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.support.exchange import Answer
from tests.support.rufh import RufhClient, problem
from tests.support.s3proxy import S3Proxy
from tests.support.sites import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024 * 1024


def sha256(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def sha512(data: bytes) -> str:
    return f"sha-512=:{base64.b64encode(hashlib.sha512(data).digest()).decode()}:"


@pytest.mark.parametrize("digest", [sha256, sha512])
async def test_i35_content_with_the_digest_it_says_is_taken(rufh: RufhClient, digest: Callable[[bytes], str]) -> None:
    url = await rufh.begin_unfinished(b"abc", content_digest=digest(b"abc"))
    assert (await rufh.append(url, 3, b"def", complete=True, content_digest=digest(b"def"))).status == 201
    assert await rufh.content(url) == b"abcdef"


async def test_i35_content_with_another_digest_is_not_appended(rufh_on: RufhClient) -> None:
    url, data = await rufh_on.begin_unfinished(b"abc"), os.urandom(6 * MIB)
    answer = await rufh_on.append(url, 3, data, complete=True, content_digest=sha256(b"other"))
    assert (answer.status, answer.headers["Upload-Complete"]) == (400, "?0")
    assert problem(answer)["code"] == "checksum-mismatch"
    assert await rufh_on.state(url) == (3, False)
    assert (await rufh_on.append(url, 3, data, complete=True, content_digest=sha256(data))).status == 201


async def test_i35_a_creation_with_another_digest_is_refused(rufh: RufhClient) -> None:
    answer = await rufh.begin(b"abc", content_digest=sha256(b"other"))
    assert (answer.status, problem(answer)["code"]) == (400, "checksum-mismatch")


@pytest.mark.parametrize("body", [b"", b"abc"])
async def test_i35_an_empty_request_may_have_one_too(rufh: RufhClient, body: bytes) -> None:
    assert (await rufh.begin(body, content_digest=sha256(b""))).status == (400 if body else 201)


@pytest.mark.parametrize("field", ["md5=:AAAA:", "unixsum=30637", ""])
async def test_i35_algorithms_that_nobody_should_use_are_passed_over(rufh: RufhClient, field: str) -> None:
    assert (await rufh.begin(b"abc", content_digest=field, repr_digest=field)).status == 201


@pytest.mark.parametrize("name", ["content_digest", "repr_digest"])
@pytest.mark.parametrize("field", ["sha-256=:AAAA:", "sha-256=abc", "sha-256", "sha-256=:\u00e4:", "?"])
async def test_i35_malformed_digest_is_refused(rufh: RufhClient, name: str, field: str) -> None:
    """A malformed Content-Digest or Repr-Digest answers with the code `malformed` instead of being ignored: its client
    relies on the verification."""
    fields: dict[str, Any] = {name: field}
    assert problem(await rufh.begin(b"abc", **fields))["code"] == "malformed"


@pytest.mark.parametrize("cuts", [[], [3 * MIB], [0, MIB, 6 * MIB]], ids=["one_request", "two", "four"])
@pytest.mark.parametrize("digest", [sha256, sha512])
async def test_i35_a_whole_upload_has_the_digest_its_creation_said(
    rufh_on: RufhClient, cuts: list[int], digest: Callable[[bytes], str]
) -> None:
    data = os.urandom(7 * MIB)
    assert (await upload(rufh_on, data, cuts, repr_digest=digest(data))).status == 201
    assert (await upload(rufh_on, data, cuts, want_repr_digest=f"{digest(b'')[:7]}=1")).status == 201


async def upload(rufh: RufhClient, data: bytes, cuts: list[int], /, **fields: Any) -> Answer:
    """Upload `data`, cut at the offsets `cuts`, in one request for each piece, with `fields` in the first; return the
    final answer. Fail unless its Repr-Digest is right and HEAD repeats it."""
    stops = [*cuts, len(data)]
    answer = await rufh.begin(data[: stops[0]], complete=not cuts, **fields)
    url = answer.url
    for start, stop in pairwise(stops):
        answer = await rufh.append(url, start, data[start:stop], complete=stop == len(data))
    assert answer.headers["Repr-Digest"] in {sha256(data), sha512(data)}
    assert (await rufh.head(url)).headers["Repr-Digest"] == answer.headers["Repr-Digest"]
    return answer


@pytest.mark.parametrize("cuts", [[], [3 * MIB]], ids=["one_request", "two"])
async def test_i35_another_whole_fails_the_upload_and_leaves_nothing(
    site: Site, rufh_on: RufhClient, cuts: list[int]
) -> None:
    data = os.urandom(7 * MIB)
    fields = {"repr_digest": sha256(b"other")}
    if cuts:
        url = await rufh_on.begin_unfinished(data[: cuts[0]], **fields)
        answer = await rufh_on.append(url, cuts[0], data[cuts[0] :], complete=True)
        assert (await rufh_on.head(url)).status == 404
        assert site.traces(url) == []
    else:
        answer = await rufh_on.begin(data, complete=True, **fields)
    assert (answer.status, answer.headers["Upload-Complete"]) == (400, "?1")
    assert problem(answer)["code"] == "digest-mismatch"


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("sha-256=1", "sha-256"),
        ("sha-512=3, sha-256=10", "sha-256"),
        ("sha-512=10, sha-256=3", "sha-512"),
        ("sha-256=0", None),
        ("md5=10", None),
        ("sha-256=?1", None),
        ("sha-256", None),
        ("sha-256=-1", None),
        ("?", None),
    ],
)
async def test_i35_the_digest_that_is_wanted_is_told_at_the_end(rufh: RufhClient, field: str, name: str | None) -> None:
    answer = await rufh.begin(b"abc", complete=True, want_repr_digest=field)
    expected = {"sha-256": sha256(b"abc"), "sha-512": sha512(b"abc"), None: None}[name]
    assert answer.headers.get("Repr-Digest") == expected


async def test_i35_the_last_request_may_want_it(rufh: RufhClient) -> None:
    url = await rufh.begin_unfinished(b"abc")
    answer = await rufh.append(url, 3, b"def", complete=True, want_repr_digest="sha-256=1")
    assert answer.headers["Repr-Digest"] == sha256(b"abcdef")


async def test_i35_it_costs_nothing_if_one_request_brings_all_of_it(rufh_s3: RufhClient, s3_proxy: S3Proxy) -> None:
    s3_proxy.reset()
    data = os.urandom(7 * MIB)
    answer = await rufh_s3.begin(data, complete=True, want_repr_digest="sha-256=1")
    assert answer.headers["Repr-Digest"] == sha256(data)
    assert "GetObject" not in {call.operation for call in s3_proxy.upload_calls}
