"""Errors of S3, of three kinds that callers tell apart; botocore's and aiohttp's exceptions are translated to them."""

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

_MISSING_CODES = frozenset({"NoSuchUpload", "NoSuchKey", "NoSuchCORSConfiguration"})
_TRANSIENT_CODES = frozenset({"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "BadDigest"})
_TRANSIENT_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_BUSY_CODES = frozenset({"SlowDown", "ServiceUnavailable"})
"""Codes of an S3 too busy to begin the request. Other codes of status 500 and above don't say how far S3 got."""
_BODILESS = frozenset({"HeadObject", "HeadBucket"})
"""Operations whose answers have no body, so no error code either (RFC 9110, 9.3.2)."""
_CODE = re.compile(rb"<Code>([^<]*)</Code>")
REGION_HEADER = "x-amz-bucket-region"
_REGION = re.compile(rb"<Region>([^<]*)</Region>")


class S3Error(StorageUnavailable):
    """An error of S3 that a retry isn't expected to cure (permissions, bucket, credentials, this server's mistake).
    Also the base class of S3TransientError, which a retry may cure, and of S3Missing.
    """

    def __init__(self, operation: str, status: int, code: str, region: str | None = None) -> None:
        """Build the message. `status` is the HTTP status, 0 without a usable answer; `code` is S3's error code or,
        without one, the status or a word for the failure, or empty; `region` is the bucket's, if S3 names it."""
        super().__init__(f"S3 {operation}: {status} {code}{advice(code, region)}")
        self.operation, self.status, self.code = operation, status, code

    @property
    def unanswered(self) -> bool:
        """True unless S3 has answered that it didn't carry out the request: it may have done so, or may yet do so.

        An answer without an error code of S3 doesn't count: it may be a proxy's, to a request that S3 may yet carry
        out.
        """
        failed = self.status >= HTTPStatus.INTERNAL_SERVER_ERROR and self.code not in _BUSY_CODES
        return failed or self.status in (0, HTTPStatus.OK) or not _is_s3_code(self.code)

    @property
    def seems_missing(self) -> bool:
        """True if the object or multipart upload may be gone: S3 said so, or a 404 came without an S3 code."""
        return self.status == HTTPStatus.NOT_FOUND and not _is_s3_code(self.code)


class S3TransientError(S3Error):
    """A failure of S3 or of the network that a retry may cure; the request may or may not have been carried out."""


class S3Missing(S3Error):
    """S3 says that the object, multipart upload or CORS setting doesn't exist. Also a 404 to a HEAD, which may mean the
    bucket, or come from a proxy."""

    @property
    def seems_missing(self) -> bool:
        return True


def failure(operation: str, status: int, code: str, region: str | None = None) -> S3Error:
    """Return the error for an answer; `code` is S3's error code or, if the answer has none, its status or nothing.

    It is the first that applies: S3Missing for a code that says so, such as NoSuchKey, and for a 404 to a HEAD;
    S3TransientError for a code such as SlowDown, and for the statuses 408, 429 and 5xx; S3Error for any other code, and
    any other answer to a HEAD, which never has a code; else S3TransientError: S3's errors have codes (S3 API Reference,
    "Error responses"), but a proxy answers 404 while S3 restarts.
    """
    if code in _MISSING_CODES or (operation in _BODILESS and status == HTTPStatus.NOT_FOUND):
        return S3Missing(operation, status, code)
    if code in _TRANSIENT_CODES or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT_STATUSES:
        return S3TransientError(operation, status, code)
    if operation in _BODILESS:
        return S3Error(operation, status, code, region)
    kind = S3Error if _is_s3_code(code) else S3TransientError
    return kind(operation, status, code, region)


def _is_s3_code(code: str) -> bool:
    """Return True unless `code` is a number or empty: if an answer has no code from S3, its status or nothing is taken
    for it."""
    return bool(code) and not code.isdigit()


def failure_from_body(operation: str, status: int, body: bytes, region: str | None = None) -> S3Error:
    """Return the error for an answer with this XML body; `region` counts unless the body names the bucket's region."""
    code_match, region_match = _CODE.search(body), _REGION.search(body)
    code = code_match[1].decode("ascii", "replace") if code_match else str(status)
    region = region_match[1].decode("ascii", "replace") if region_match else region
    return failure(operation, status, code, region)


@asynccontextmanager
async def translated(operation: str) -> AsyncIterator[None]:
    """Turn exceptions of botocore, aiohttp and the system into S3Error or a subclass; others stay as they are. Raise
    the UploadLost of a request's body, where aiohttp has wrapped it."""
    try:
        yield
    except ClientError as error:
        meta, details = error.response.get("ResponseMetadata", {}), error.response.get("Error", {})
        region = details.get("Region") or meta.get("HTTPHeaders", {}).get(REGION_HEADER)
        raise failure(operation, int(meta.get("HTTPStatusCode", 0)), details.get("Code", ""), region) from error
    except (HTTPClientError, BotoConnectionError, aiohttp.ClientError, OSError, TimeoutError) as error:
        if isinstance(error.__cause__, UploadLost):  # the body couldn't be sent: its source is gone
            raise error.__cause__ from error
        raise S3TransientError(operation, 0, type(error).__name__) from error
    except BotoCoreError as error:
        raise S3Error(operation, 0, type(error).__name__) from error
    except RuntimeError as error:
        if "credentials are still expired" not in str(error):  # botocore has no specific exception for it
            raise
        raise S3Error(operation, 0, "ExpiredCredentials") from error
