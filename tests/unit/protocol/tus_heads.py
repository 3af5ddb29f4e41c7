"""Heads of requests and uploads for the tests of tus 1.0."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace

from multidict import CIMultiDict

from tusd_py.domain.intents import Intent
from tusd_py.domain.limits import Limits
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Kind, Times, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.protocol.tus import Tus
from tusd_py.protocol.wire import RequestHead

ID = UploadId("0123456789abcdef0123456789abcdef")
OTHER_ID = UploadId("f" * 32)
OPEN = Upload(id=ID, length=10, offset=4, times=Times(created_at=0.0, updated_at=0.0, expires_at=784111777.0))
DONE = replace(OPEN, offset=10, phase=Phase.DONE)
FINAL = replace(DONE, kind=Kind.FINAL, partials=(OTHER_ID, ID))
EXPIRY = "Sun, 06 Nov 1994 08:49:37 GMT"

TYPE = {"Content-Type": "application/offset+octet-stream"}
SHA1 = hashlib.sha1(b"hello", usedforsecurity=False).digest()
CHECKSUM = {"Upload-Checksum": f"sha1 {base64.b64encode(SHA1).decode()}"}
BARE_LIMITS = Limits(termination=False, concatenation=False, downloads=False)


def wire(limits: Limits | None = None) -> Tus:
    return Tus(limits or Limits(expire_after=60))


def head(
    method: str,
    headers: Mapping[str, str] | None = None,
    *,
    on_upload: bool = True,
    content_length: int | None = 0,
    version: str | None = "1.0.0",
) -> RequestHead:
    fields = CIMultiDict(headers or {})
    if version is not None:
        fields["tus-resumable"] = version
    return RequestHead(method=method, on_upload=on_upload, headers=fields, content_length=content_length)


def post(headers: Mapping[str, str], content_length: int | None = 0, limits: Limits | None = None) -> Intent:
    return wire(limits).read(head("POST", headers, on_upload=False, content_length=content_length))


def patch(headers: Mapping[str, str], content_length: int | None = 5) -> Intent:
    return wire().read(head("PATCH", headers, content_length=content_length))
