"""From options to a connected client. botocore resolves endpoint, addressing, region and credentials: the AWS chain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, NoCredentialsError

from tusd_py.errors import ConfigurationError
from tusd_py.events import Observer
from tusd_py.storage.s3.client import S3Client
from tusd_py.storage.s3.options import S3Options
from tusd_py.storage.s3.presign import Presigner
from tusd_py.storage.s3.wire import Credentials, RawS3

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client as BotoClient

_POOL = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One bucket, for us and for those we sign for."""

    client: S3Client
    presigner: Presigner


@asynccontextmanager
async def connect(options: S3Options, observer: Observer) -> AsyncIterator[Connection]:
    """The bucket of `options`; sends nothing yet. Raises ConfigurationError."""
    session = get_session()
    async with AsyncExitStack() as stack:
        boto = await stack.enter_async_context(_boto(session, options, options.endpoint_url))
        seen = boto
        if options.public_url is not None:
            seen = await stack.enter_async_context(_boto(session, options, options.public_url))
        http = await stack.enter_async_context(_http())
        region, credentials = boto.meta.region_name, _credentials(session)
        base, public = [await _bucket_url(each, options.bucket) for each in (boto, seen)]
        raw = RawS3(http=http, base=base, region=region, credentials=credentials)
        yield Connection(
            client=S3Client(boto, raw, options.bucket, observer),
            presigner=Presigner(bucket=options.bucket, base=public, region=region, credentials=credentials),
        )


@asynccontextmanager
async def _boto(session: AioSession, options: S3Options, endpoint: str | None) -> AsyncIterator[BotoClient]:
    region = session.get_config_variable("region") or "us-east-1"
    async with AsyncExitStack() as stack:
        try:
            made = session.create_client("s3", region_name=region, endpoint_url=endpoint, config=_config(options))
            boto = await stack.enter_async_context(made)
        except (BotoCoreError, ValueError) as error:
            raise ConfigurationError(f"S3 can't be set up: {error}") from error
        yield boto


def _config(options: S3Options) -> AioConfig:
    return AioConfig(
        signature_version="s3v4",
        s3={"addressing_style": options.addressing_style},
        retries={"total_max_attempts": 1},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=_POOL,
        warm_up_loader_caches=True,
    )


def _http() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=12),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),  # S3 sets none, and a real jar is searched for each request
        skip_auto_headers=("Content-Type", "Accept", "Accept-Encoding", "User-Agent"),
    )


async def _bucket_url(boto: BotoClient, bucket: str) -> str:
    """Where botocore would send requests for this bucket (path or virtual-host style, region, endpoint)."""
    try:
        url: str = await boto.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "x"})
    except BotoCoreError as error:
        raise ConfigurationError(f"S3 needs credentials (the usual AWS places are searched): {error}") from error
    return url.split("?", maxsplit=1)[0].removesuffix("/x")


def _credentials(session: AioSession) -> Credentials:
    async def current() -> ReadOnlyCredentials:
        found = await session.get_credentials()
        if found is None:
            raise NoCredentialsError
        frozen: ReadOnlyCredentials = await found.get_frozen_credentials()
        return frozen

    return current
