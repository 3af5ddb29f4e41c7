"""AWS settings: the region, on which botocore, the server's own S3 client and presigned URLs agree, the endpoint, the
proxy, and mistakes, which end the start."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from yarl import URL

from devtools.identity import Identity
from tests.support.aws import applied, environment
from tusd_py.domain.errors import ConfigurationError
from tusd_py.ports.meter import Meter
from tusd_py.storage.s3.api.connect import Connection, connect
from tusd_py.storage.s3.api.requests import RawRequest
from tusd_py.storage.s3.options import S3Options

WHO = Identity(name="any/one", actions=())
ELSEWHERE = "http://127.0.0.1:9"
TWO = "[default]\nregion = eu-south-1\n[profile other]\nregion = eu-north-1\nendpoint_url = http://127.0.0.1:7\n"


@asynccontextmanager
async def connected(
    patched: pytest.MonkeyPatch,
    directory: Path,
    *,
    endpoint: str | None = None,
    public: str | None = None,
    config: str = "",
    **variables: str,
) -> AsyncIterator[Connection]:
    applied(patched, environment(directory, WHO, config=config, **variables))
    async with connect(S3Options(bucket="bucket", endpoint_url=endpoint, public_url=public), Meter()) as connection:
        yield connection


async def hosts_and_regions(connection: Connection) -> set[tuple[str, str]]:
    """Return the pairs of host (without the bucket) and region of botocore's client, a request signed by the server's
    own client, and a URL presigned for clients: one pair if they agree."""
    raw, boto = connection.client._raw, connection.client._boto
    url, headers = await raw._sign(RawRequest(operation="GetObject", method="GET", key="k"))
    presigned = URL(await connection.presigner.url("GET", "k", 60))
    own = headers["Authorization"].partition("/s3/aws4_request")[0].rpartition("/")[2]
    for_others = presigned.query["X-Amz-Credential"].split("/")[-3]
    endpoint = URL(boto.meta.endpoint_url)
    hosts = [str(request_url.host).removeprefix("bucket.") for request_url in (url, presigned, endpoint)]
    return set(zip(hosts, [own, for_others, boto.meta.region_name], strict=True))


@pytest.mark.parametrize(
    ("variables", "config", "region"),
    [
        ({"AWS_REGION": "eu-central-1"}, "", "eu-central-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "", "eu-west-1"),
        ({"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-west-1"}, TWO, "eu-central-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-1"}, TWO, "eu-west-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, TWO, "eu-south-1"),
        ({}, TWO, "eu-south-1"),
    ],
)
async def test_all_requests_are_for_the_region_that_is_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], config: str, region: str
) -> None:
    async with connected(monkeypatch, tmp_path, config=config, **variables) as connection:
        assert await hosts_and_regions(connection) == {(f"s3.{region}.amazonaws.com", region)}


async def test_a_profile_names_region_and_endpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with connected(monkeypatch, tmp_path, config=TWO, AWS_PROFILE="other") as connection:
        assert await hosts_and_regions(connection) == {("127.0.0.1", "eu-north-1")}


async def test_a_region_of_another_name_is_signed_as_botocore_signs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with connected(monkeypatch, tmp_path, AWS_REGION="fips-us-gov-west-1") as connection:
        assert await hosts_and_regions(connection) == {("s3-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1")}


async def test_a_public_endpoint_is_signed_for_the_same_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    public = "https://s3.example.org"
    async with connected(monkeypatch, tmp_path, endpoint=ELSEWHERE, public=public, AWS_REGION="here") as connection:
        assert await hosts_and_regions(connection) == {("127.0.0.1", "here"), ("s3.example.org", "here")}


async def test_aws_itself_needs_a_region_and_other_providers_do_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="set AWS_REGION"):
        async with connected(monkeypatch, tmp_path):
            pass
    async with connected(monkeypatch, tmp_path, endpoint=ELSEWHERE) as connection:
        assert await hosts_and_regions(connection) == {("127.0.0.1", "us-east-1")}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"AWS_PROFILE": "unheard-of"}, "unheard-of"),
        ({"AWS_CA_BUNDLE": "/nowhere.pem"}, "/nowhere.pem"),
        ({"SSL_CERT_FILE": "/nowhere.pem"}, "/nowhere.pem"),
        ({"AWS_CA_BUNDLE": ""}, "CA bundle"),
        ({"AWS_CA_BUNDLE": __file__}, "CA bundle"),
        ({"HTTP_PROXY": "socks5://127.0.0.1:1"}, "HTTPS_PROXY"),
        ({"AWS_ACCESS_KEY_ID": ""}, "credentials"),
    ],
)
async def test_settings_that_can_not_work_end_the_start_with_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as raised:
        async with connected(monkeypatch, tmp_path, endpoint=ELSEWHERE, **variables):
            pass
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("names", ["HTTPS_PROXY", "https_proxy"])
async def test_bytes_take_the_proxy_that_botocore_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: str
) -> None:
    proxy = "http://user:pass@127.0.0.1:1"
    for endpoint, expected in (("https://s3.example", proxy), (ELSEWHERE, None)):
        async with connected(monkeypatch, tmp_path, endpoint=endpoint, **{names: proxy}) as connection:
            used_proxy = connection.client._raw._http._default_proxy
            assert (None if used_proxy is None else str(used_proxy)) == expected
    async with connected(
        monkeypatch, tmp_path, endpoint="https://s3.example", NO_PROXY=".example", **{names: proxy}
    ) as connection:
        assert connection.client._raw._http._default_proxy is None
