"""What S3 said, in three kinds that matter. botocore's and aiohttp's exceptions stop here."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from tusd_py.errors import InDoubt, StorageUnavailable, UploadLost
from tusd_py.storage.s3.advice import advice

_GONE = frozenset({"NoSuchUpload", "NoSuchKey", "NotFound", "404"})
_AGAIN = frozenset(
    {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "BadDigest", "503", "500", "429"}
)
_CODE = re.compile(rb"<Code>([^<]*)</Code>")
REGION_HEADER = "x-amz-bucket-region"
_REGION = re.compile(rb"<Region>([^<]*)</Region>")


class S3Failure(StorageUnavailable):
    """S3 refused: repeating the same request won't help by itself (permissions, bucket, our mistake)."""

    def __init__(self, operation: str, status: int, code: str, region: str | None = None) -> None:
        """`region` is where S3 says that the bucket is."""
        super().__init__(f"S3 {operation}: {status} {code}{advice(code, region)}")
        self.operation, self.status, self.code = operation, status, code
        self.doubt = False
        """It may be done yet, by an attempt that got no answer."""

    @property
    def unanswered(self) -> bool:
        return not self.status


class S3Trouble(S3Failure):
    """S3 or the way to it failed in a manner that a repeat may cure; what was asked may or may not have been done."""


class S3Missing(S3Failure):
    """The object, the multipart upload or a part isn't there."""


def failure(operation: str, status: int, code: str, region: str | None = None) -> S3Failure:
    """The right kind for an error answer."""
    if code in _GONE or (status == HTTPStatus.NOT_FOUND and code != "NoSuchBucket"):
        return S3Missing(operation, status, code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS or code in _AGAIN:
        return S3Trouble(operation, status, code)
    return S3Failure(operation, status, code, region)


def failure_from_body(operation: str, status: int, body: bytes, region: str | None = None) -> S3Failure:
    """The same, from a raw XML answer."""
    found, told = _CODE.search(body), _REGION.search(body)
    code = found[1].decode("ascii", "replace") if found else str(status)
    return failure(operation, status, code, told[1].decode("ascii", "replace") if told else region)


@contextmanager
def doubting() -> Iterator[None]:
    """Raises InDoubt where an upload's object may come about although it could not be put."""
    try:
        yield
    except S3Failure as failure:
        if failure.doubt:
            raise InDoubt(str(failure)) from failure
        raise


@asynccontextmanager
async def translated(operation: str) -> AsyncIterator[None]:
    """Turn whatever a call raises into one of the three kinds."""
    try:
        yield
    except ClientError as error:
        meta, told = error.response.get("ResponseMetadata", {}), error.response.get("Error", {})
        region = told.get("Region") or meta.get("HTTPHeaders", {}).get(REGION_HEADER)
        raise failure(operation, int(meta.get("HTTPStatusCode", 0)), told.get("Code", ""), region) from error
    except (HTTPClientError, BotoConnectionError, aiohttp.ClientError, OSError, TimeoutError) as error:
        if isinstance(error.__cause__, UploadLost):  # the body couldn't be sent: its source is gone
            raise error.__cause__ from error
        raise S3Trouble(operation, 0, type(error).__name__) from error
    except BotoCoreError as error:
        raise S3Failure(operation, 0, type(error).__name__) from error
    except RuntimeError as error:
        if "credentials are still expired" not in str(error):  # botocore has no exception of its own for it
            raise
        raise S3Failure(operation, 0, "ExpiredCredentials") from error
