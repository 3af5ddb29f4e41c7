"""What S3 said, in three kinds that matter. botocore's and aiohttp's exceptions stop here."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from tusd_py.errors import StorageUnavailable, UploadLost

_GONE = frozenset({"NoSuchUpload", "NoSuchKey", "NoSuchCORSConfiguration"})
_AGAIN = frozenset({"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "BadDigest"})
_BODILESS = frozenset({"HeadObject", "HeadBucket"})
"""Their answers have no body, so no error code either (RFC 9110, 9.3.2)."""
_CODE = re.compile(rb"<Code>([^<]*)</Code>")


class S3Failure(StorageUnavailable):
    """S3 refused: repeating the same request won't help by itself (permissions, bucket, our mistake)."""

    def __init__(self, operation: str, status: int, code: str) -> None:
        super().__init__(f"S3 {operation}: {status} {code}")
        self.operation, self.status, self.code = operation, status, code

    @property
    def unanswered(self) -> bool:
        """S3 itself did not say that it refused: no answer came, or one without an error code of S3's.

        A proxy gives such answers by itself, also to requests that S3 may yet carry out.
        """
        return self.status in (0, HTTPStatus.OK) or not _is_said(self.code)

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


def failure(operation: str, status: int, code: str) -> S3Failure:
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
    return S3Failure(operation, status, code) if _is_said(code) else S3Trouble(operation, status, code)


def _is_said(code: str) -> bool:
    """Without a code in the answer botocore gives the status, or nothing."""
    return bool(code) and not code.isdigit()


def failure_from_body(operation: str, status: int, body: bytes) -> S3Failure:
    """The same, from a raw XML answer."""
    found = _CODE.search(body)
    return failure(operation, status, found[1].decode("ascii", "replace") if found else str(status))


@asynccontextmanager
async def translated(operation: str) -> AsyncIterator[None]:
    """Turn whatever a call raises into one of the three kinds."""
    try:
        yield
    except ClientError as error:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        raise failure(operation, status, error.response.get("Error", {}).get("Code", "")) from error
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
