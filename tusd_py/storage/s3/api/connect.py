"""The setup of S3 clients from options. botocore resolves endpoint, addressing and credentials (AWS chain), and the
region unless AWS_REGION is set."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from botocore.awsrequest import AWSPreparedRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, NoCredentialsError
from yarl import URL

from tusd_py.domain.errors import ConfigurationError
from tusd_py.ports.meter import Meter
from tusd_py.storage.s3.api.client import S3Client
from tusd_py.storage.s3.api.presign import Presigner
from tusd_py.storage.s3.api.requests import Credentials, RawS3
from tusd_py.storage.s3.chain import authority_of, region_of
from tusd_py.storage.s3.options import S3Options
from tusd_py.storage.s3.transport import Transport

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client as BotoClient

_POOL = 128
"""The most connections of botocore's pool."""
_AWS = (".amazonaws.com", ".amazonaws.com.cn")
_ANY_REGION = "us-east-1"
"""The region if none is set: most providers other than AWS take it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A bucket: the client for this server's requests, and the presigner for those that its clients send."""

    client: S3Client
    presigner: Presigner


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """The URL of the bucket, and the region that requests are signed for."""

    base: str
    region: str


@asynccontextmanager
async def connect(options: S3Options, meter: Meter) -> AsyncIterator[Connection]:
    """Yield a connection to the bucket of the options; no request is sent to it yet. Raises ConfigurationError."""
    async with connect_all(options, meter) as (connection, *_):
        yield connection


@asynccontextmanager
async def connect_all(options: S3Options, meter: Meter) -> AsyncIterator[Sequence[Connection]]:
    """Yield connections to the bucket of the options and then to each of `more_buckets`, which share HTTP clients.

    No request is sent to a bucket yet. Raises ConfigurationError.
    """
    async with AsyncExitStack() as stack:
        with _setting_up():
            connections = await _connections(stack, options, meter)
        yield connections


@contextmanager
def _setting_up() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"S3 can't be set up: {error}") from error


async def _connections(stack: AsyncExitStack, options: S3Options, meter: Meter) -> Sequence[Connection]:
    session, transport = get_session(), Transport()
    region, credentials = _use_region(session), _credentials(session)
    boto = public_boto = await _boto(stack, session, options.endpoint_url, _config(session, options, transport))
    if options.public_url is not None:
        public_boto = await _boto(stack, session, options.public_url, _config(session, options, Transport()))
    own = await _target(boto, options.bucket)
    if region is None and (URL(own.base).host or "").endswith(_AWS):
        raise ConfigurationError("S3 needs the bucket's region: set AWS_REGION, or region in ~/.aws/config")
    http = await stack.enter_async_context(await transport.client(own.base))

    async def connected(bucket: str) -> Connection:
        target, public = [await _target(client, bucket) for client in (boto, public_boto)]
        raw = RawS3(http=http, base=target.base, region=target.region, credentials=credentials)
        return Connection(
            client=S3Client(boto, raw, bucket, meter),
            presigner=Presigner(bucket=bucket, base=public.base, region=public.region, credentials=credentials),
        )

    return [await connected(bucket) for bucket in (options.bucket, *options.more_buckets)]


def _use_region(session: AioSession) -> str | None:
    """Return the configured region or None; have botocore use it for every request, such as those for credentials."""
    region = region_of(session)
    if region is not None:
        session.set_config_variable("region", region)
    return region


async def _boto(stack: AsyncExitStack, session: AioSession, endpoint: str | None, config: AioConfig) -> BotoClient:
    client = session.create_client(
        "s3",
        region_name=session.get_config_variable("region") or _ANY_REGION,
        endpoint_url=endpoint,
        verify=authority_of(session),
        config=config,
    )
    boto: BotoClient = await stack.enter_async_context(client)
    boto.meta.events.register_last("before-parameter-build.s3", _forbid_redirect)
    return boto


def _forbid_redirect(context: dict[str, Any], **_: object) -> None:
    """Mark a request of botocore's as redirected already, so that botocore doesn't look for the bucket's region.

    After any 302 of a proxy, botocore would send a HeadBucket, and after the proxy's 302 to that HeadBucket another
    one, until Python's recursion limit. The requests that carry bytes aren't botocore's, and are refused in a wrong
    region.
    """
    context.setdefault("s3_redirect", {})["redirected"] = True


def _config(session: AioSession, options: S3Options, transport: Transport) -> AioConfig:
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
        proxies_config=session.get_config_variable("proxies_config"),  # botocore doesn't apply it unless passed
        http_session_cls=transport,
    )


class _Intercepted(Exception):
    """Raised instead of sending a request of botocore's; holds the request."""

    def __init__(self, request: AWSPreparedRequest) -> None:
        super().__init__()
        self.request = request


def _stop(request: AWSPreparedRequest, **_: object) -> None:
    raise _Intercepted(request)


async def _target(boto: BotoClient, bucket: str) -> _Target:
    """Return the target that botocore uses (path or virtual-host style, region, endpoint), so that all requests agree.

    It is read from a GetObject that is stopped before it is sent. A presigned URL won't do: botocore makes it for AWS's
    global endpoint, which redirects requests for a new bucket for a day. Raises ConfigurationError without credentials,
    or if botocore fails otherwise.
    """
    boto.meta.events.register("before-send.s3.GetObject", _stop)
    try:
        await boto.get_object(Bucket=bucket, Key="x")
    except _Intercepted as intercepted:
        return _target_from(intercepted.request)
    except BotoCoreError as error:
        raise ConfigurationError(f"S3 needs credentials (the usual AWS places are searched): {error}") from error
    finally:
        boto.meta.events.unregister("before-send.s3.GetObject", _stop)
    raise AssertionError("no request is sent")


def _target_from(request: AWSPreparedRequest) -> _Target:
    scope = request.headers["Authorization"].decode().partition("/s3/aws4_request")[0]
    return _Target(base=request.url.removesuffix("/x"), region=scope.rpartition("/")[2])


def _credentials(session: AioSession) -> Credentials:
    async def current() -> ReadOnlyCredentials:
        provider = await session.get_credentials()
        if provider is None:
            raise NoCredentialsError
        frozen: ReadOnlyCredentials = await provider.get_frozen_credentials()
        return frozen

    return current
