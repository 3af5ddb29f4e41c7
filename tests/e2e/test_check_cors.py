"""`tusd-py check --cors` against a real bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from devtools.seaweed import SeaweedFS
from tests.support.s3faults import error
from tests.support.s3proxy import S3Proxy
from tests.support.server import Outcome, Server

ORIGIN = r"https://app\.example"


@pytest.fixture
def bucket(seaweed: SeaweedFS) -> Iterator[str]:
    """The name of the bucket, whose CORS rules are deleted before and after the test."""
    admin = seaweed.client(seaweed.admin)
    admin.delete_bucket_cors(Bucket=seaweed.bucket)
    yield seaweed.bucket
    admin.delete_bucket_cors(Bucket=seaweed.bucket)


def server(directory: Path, seaweed: SeaweedFS, **settings: Any) -> Server:
    where = {"storage": f"s3://{seaweed.bucket}/", "s3_endpoint_url": seaweed.endpoint, "s3_profile": "seaweedfs"}
    return Server(directory, environment=seaweed.user.environment(), **{**where, **settings})


def printed(outcome: Outcome) -> tuple[Any, list[str]]:
    """Return the CORS rules that the command printed, parsed from JSON, and the lines after them."""
    rules, end = json.JSONDecoder().raw_decode(outcome.out)
    return rules, outcome.out[end:].strip().splitlines()


async def test_rules_are_printed_missed_installed_and_found(bucket: str, seaweed: SeaweedFS, tmp_path: Path) -> None:
    other_rule = {"ID": "theirs", "AllowedOrigins": ["https://other.example"], "AllowedMethods": ["GET"]}
    admin = seaweed.client(seaweed.admin)
    admin.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [other_rule]})
    one = server(tmp_path, seaweed, direct_uploads=True, download_mode="redirect", cors_allow_origin=ORIGIN)
    before = await one.command("check", "--cors")
    rules, text = printed(before)
    assert before.code == 1
    assert f"FAIL cors  s3://{bucket}/: PUT from https://app.example isn't allowed with any header" in text
    assert [rule["AllowedMethods"] for rule in rules["CORSRules"]] == [["PUT", "POST"], ["GET", "HEAD"]]
    installed = await one.command("check", "--cors", "--install")
    assert (installed.code, printed(installed)[1]) == (
        0,
        [f"ok   cors  s3://{bucket}/: the rules were installed", f"ok   cors  s3://{bucket}/ has what browsers need"],
    )
    stored_rules = admin.get_bucket_cors(Bucket=bucket)["CORSRules"]
    assert stored_rules[:2] == rules["CORSRules"]
    assert stored_rules[2]["ID"] == "theirs"
    again = await one.command("check", "--cors", "--install")
    assert admin.get_bucket_cors(Bucket=bucket)["CORSRules"] == stored_rules
    assert again.code == 0
    assert (await one.command("check", "--cors")).code == 0


async def test_a_browser_is_let_in_by_them(bucket: str, seaweed: SeaweedFS, tmp_path: Path) -> None:
    one = server(tmp_path, seaweed, direct_uploads=True, cors_allow_origin=ORIGIN)
    assert (await one.command("check", "--cors", "--install")).code == 0
    headers = {
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type,x-amz-meta-tus-id",
    }
    async with aiohttp.ClientSession() as session:
        for origin, allowed in (("https://app.example", True), ("https://evil.example", False)):
            url = f"{seaweed.endpoint}/{bucket}/key"
            async with session.options(url, headers={"Origin": origin, **headers}) as answer:
                assert ("Access-Control-Allow-Origin" in answer.headers) is allowed


@pytest.mark.parametrize("settings", [{}, {"storage": "file:./data"}])
async def test_no_rules_are_needed_where_nothing_goes_straight_to_s3(
    seaweed: SeaweedFS, tmp_path: Path, settings: dict[str, str]
) -> None:
    outcome = await server(tmp_path, seaweed, **settings).command("check", "--cors")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("no rules needed: ")


async def test_a_bucket_that_does_not_tell_is_a_failure(seaweed: SeaweedFS, tmp_path: Path) -> None:
    async with S3Proxy(seaweed.endpoint) as proxy:
        proxy.faults.rule("GetBucketCors", None, error(403, "AccessDenied"))
        one = server(tmp_path, seaweed, direct_uploads=True, s3_endpoint_url=proxy.endpoint)
        outcome = await one.command("check", "--cors")
    assert outcome.code == 1
    assert printed(outcome)[1] == [f"FAIL cors  s3://{seaweed.bucket}/: S3 GetBucketCors: 403 AccessDenied"]


async def test_origins_that_s3_can_not_say(seaweed: SeaweedFS, tmp_path: Path) -> None:
    one = server(tmp_path, seaweed, direct_uploads=True, cors_allow_origin=r"https?://app\.example")
    outcome = await one.command("check", "--cors")
    assert (outcome.code, outcome.out) == (2, "")
    assert len(outcome.err.splitlines()) == 1
    assert "can't be written as S3 rules" in outcome.err


async def test_install_goes_with_cors(seaweed: SeaweedFS, tmp_path: Path) -> None:
    outcome = await server(tmp_path, seaweed).command("check", "--install")
    assert (outcome.code, outcome.err) == (2, "tusd-py: --install needs --cors\n")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ({"direct_uploads": True}, "expected off, or storage s3://"),
        ({"download_mode": "redirect"}, "expected proxy, or storage s3://"),
    ],
)
async def test_a_directory_ends_the_start_in_one_line(tmp_path: Path, flag: dict[str, Any], message: str) -> None:
    outcome = await Server(tmp_path, **flag).command("serve")
    assert outcome.code == 2
    assert message in outcome.err
    assert len(outcome.err.splitlines()) == 1
