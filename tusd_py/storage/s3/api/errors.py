"""What S3 said, in three kinds that matter. botocore's and aiohttp's exceptions stop here."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from tusd_py.domain.errors import StorageUnavailable, UploadLost
from tusd_py.storage.s3.advice import advice

_GONE = frozenset({"NoSuchUpload", "NoSuchKey", "NoSuchCORSConfiguration"})
_AGAIN = frozenset({"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "BadDigest"})
_NOT_BEGUN = frozenset({"SlowDown", "ServiceUnavailable"})
"""S3 had no time for it. Any other failure of S3's own says nothing of how far it got."""
_BODILESS = frozenset({"HeadObject", "HeadBucket"})
"""Their answers have no body, so no error code either (RFC 9110, 9.3.2)."""
_CODE = re.compile(rb"<Code>([^<]*)</Code>")
REGION_HEADER = "x-amz-bucket-region"
_REGION = re.compile(rb"<Region>([^<]*)</Region>")


class S3Failure(StorageUnavailable):
    """S3 refused: repeating the same request won't help by itself (permissions, bucket, our mistake)."""

    def __init__(self, operation: str, status: int, code: str, region: str | None = None) -> None:
        """`region` is where S3 says that the bucket is."""
        super().__init__(f"S3 {operation}: {status} {code}{advice(code, region)}")
        self.operation, self.status, self.code = operation, status, code

    @property
    def unanswered(self) -> bool:
        """S3 itself did not say that nothing was done: no answer came, or none that says so.

        A proxy gives answers without S3's codes by itself, also to requests that S3 may yet carry out.
        """
        failed = self.status >= HTTPStatus.INTERNAL_SERVER_ERROR and self.code not in _NOT_BEGUN
        return failed or self.status in (0, HTTPStatus.OK) or not _is_said(self.code)

    @property
    def seems_missing(self) -> bool:
        """What was asked for may be gone: S3 said so, or a 404 came without S3's own words."""
        return self.status == HTTPStatus.NOT_FOUND and not _is_said(self.code)


class S3Trouble(S3Failure):
    """S3 or the way to it failed in a manner that a repeat may cure; what was asked may or may not have been done."""


class S3Missing(S3Failure):
    """S3 says that the object, the multipart upload or a part isn't there; to a HEAD a proxy may have said so."""

    @property
    def seems_missing(self) -> bool:
        return True


def failure(operation: str, status: int, code: str, region: str | None = None) -> S3Failure:
    """The right kind for an error answer; `code` is S3's error code, or anything else where it gave none.

    A status alone is never taken for S3's word (S3 API Reference, "Error responses"): a proxy answers 404 by itself
    while S3 restarts.
    """
    if operation in _BODILESS and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        missing = status == HTTPStatus.NOT_FOUND
        return S3Missing(operation, status, code) if missing else S3Failure(operation, status, code)
    if code in _GONE:
        return S3Missing(operation, status, code)
    if code in _AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return S3Trouble(operation, status, code)
    kind = S3Failure if _is_said(code) else S3Trouble
    return kind(operation, status, code, region)


def _is_said(code: str) -> bool:
    """Without a code in the answer botocore gives the status, or nothing."""
    return bool(code) and not code.isdigit()


def failure_from_body(operation: str, status: int, body: bytes, region: str | None = None) -> S3Failure:
    """The same, from a raw XML answer."""
    found, told = _CODE.search(body), _REGION.search(body)
    code = found[1].decode("ascii", "replace") if found else str(status)
    return failure(operation, status, code, told[1].decode("ascii", "replace") if told else region)


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
