"""The versions of Resumable Uploads for HTTP, each as its differences from the next, and the test for this protocol.

Versions are numbers that go up with each change that breaks clients: 3 is draft -01, 4 is -02, 5 is -03, 6 is -04 and
-05, 7 is -06 to -08, 8 is -09 to -11. Clients of the future RFC send no version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tusd_py.protocol.headers import is_media_type
from tusd_py.protocol.structured import parse_integer
from tusd_py.protocol.wire import RequestHead

INTEROP = "Upload-Draft-Interop-Version"
PARTIAL_UPLOAD = "application/partial-upload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """An interop version. The defaults are those of the newest. With `number` None it is the newest, for requests that
    name no version or an unknown one."""

    number: int | None = None
    inverted: bool = False
    """True if requests and replies have Upload-Incomplete, the opposite, in place of Upload-Complete."""
    typed: bool = True
    """True if a PATCH must be application/partial-upload."""
    when_full: bool = False
    """True if an upload is complete once its length is reached, also if no request says so: clients of the version rely
    on it."""
    append_status: int = 204
    """Status of an append that doesn't complete the upload."""
    age_limit: str = "max-age"
    """The member of Upload-Limit with the seconds for which the upload is kept."""
    bare: bool = False
    """True if requests with HEAD, GET or DELETE must not have Upload-Offset, Upload-Complete or Upload-Incomplete."""
    progress: bool = True
    """True if clients know interim responses (104) with an offset."""
    busy_status: int = 503
    """The status for a request that the client should soon repeat: for a locked upload, or a HEAD while the server is
    unavailable. In versions up to 6 it is 423: after a HEAD that fails with another status, tus-js-client starts
    over."""


NEWEST = Version()
_8 = replace(NEWEST, number=8)
_7 = replace(_8, number=7)
_6 = replace(_7, number=6, when_full=True, append_status=201, age_limit="expires", bare=True, busy_status=423)
_5 = replace(_6, number=5, typed=False)
_4 = replace(_5, number=4, progress=False)
_3 = replace(_4, number=3, inverted=True)
_VERSIONS = {version.number: version for version in (_3, _4, _5, _6, _7, _8)}


def version_of(headers: Mapping[str, str]) -> Version:
    """Return the version that a request names; the newest for none, or for an unknown one."""
    return _VERSIONS.get(parse_integer(headers.get(INTEROP)), NEWEST)


def is_rufh(head: RequestHead) -> bool:
    """Return True for a request of this protocol: one without Tus-Resumable that has Upload-Draft-Interop-Version; or,
    to the URL of an upload, has the Content-Type application/partial-upload; or, to the creation endpoint, has
    Upload-Complete.
    """
    if "Tus-Resumable" in head.headers:
        return False
    if INTEROP in head.headers:
        return True
    if head.on_upload:
        return is_media_type(head.headers.get("Content-Type"), PARTIAL_UPLOAD)
    return "Upload-Complete" in head.headers
