"""Requests that are signed here and sent by clients: SigV4 in the query of a URL, or in the fields of a form.

S3 API Reference, "Authenticating Requests: Using Query Parameters" and "Browser-Based Uploads Using POST".
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from botocore.auth import S3SigV4PostAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from tusd_py.domain.direct import Signed
from tusd_py.storage.s3.api.errors import translated
from tusd_py.storage.s3.api.requests import Credentials
from tusd_py.storage.s3.api.signing import encoded, escaped


class Presigner:
    """A signer of requests to one bucket. `base` is the bucket's URL for clients."""

    def __init__(self, *, bucket: str, base: str, region: str, credentials: Credentials) -> None:
        self.bucket = bucket
        self._base = base.rstrip("/")
        self.region = region
        self._credentials = credentials

    async def url(
        self,
        method: str,
        key: str,
        lifetime: float,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Return a URL for a request with exactly this query; the client must send these headers with it. The URL is
        valid for `lifetime` seconds, or until temporary credentials expire. Raises S3Error without valid
        credentials."""
        suffix = f"?{encoded(query)}" if query else ""
        url = f"{self._base}/{escaped(key)}{suffix}"
        request = AWSRequest(method=method, url=url, headers=dict(headers or {}))
        S3SigV4QueryAuth(await self._valid(), "s3", self.region, expires=int(lifetime)).add_auth(request)
        return str(request.url)

    async def form(self, key: str, lifetime: float, fields: Mapping[str, str], min_size: int, max_size: int) -> Signed:
        """Return a form with which a client stores a file of `min_size` to `max_size` bytes under the key. It has
        `fields`, and those of key, bucket and signature; the client must send exactly these before the file. The form
        is valid for `lifetime` seconds, or until temporary credentials expire. Raises S3Error without valid
        credentials."""
        chosen = {**fields, "key": key, "bucket": self.bucket}
        request = AWSRequest(method="POST", url=f"{self._base}/")  # uppy < 6.3 appends the key to the URL unescaped
        request.context["s3-presign-post-fields"] = chosen
        size = ["content-length-range", min_size, max_size]
        request.context["s3-presign-post-policy"] = {
            "expiration": f"{datetime.fromtimestamp(time.time() + lifetime, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "conditions": [{name: value} for name, value in chosen.items()] + [size],
        }
        S3SigV4PostAuth(await self._valid(), "s3", self.region).add_auth(request)
        return Signed(url=request.url, fields=chosen)

    async def _valid(self) -> ReadOnlyCredentials:
        async with translated("credentials"):
            return await self._credentials()
