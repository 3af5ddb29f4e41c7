"""Where the drafts differ, each interop version from the next one; and which requests are of this protocol at all.

Versions are numbers that go up with each change that breaks clients: 3 is draft -01, 4 is -02, 5 is -03, 6 is -04 and
-05, 7 is -06 to -08, 8 is -09 to -11. A client of the RFC to come sends none.
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
    """One version. The defaults are the newest ways, which are also those of a request without a version."""

    number: int | None = None
    inverted: bool = False
    """Upload-Incomplete, which says the opposite of Upload-Complete."""
    typed: bool = True
    """A PATCH must be application/partial-upload."""
    when_full: bool = False
    """An upload whose length is reached is complete, whatever its requests say: clients of the time rely on it."""
    appended: int = 204
    """Status of an append that doesn't complete the upload."""
    age: str = "max-age"
    """The limit that says how long the upload is kept."""
    bare: bool = False
    """HEAD and DELETE must not say what the upload is thought to be like."""
    progress: bool = True
    """The client knows a 104 that tells an offset."""
    busy: int = 503
    """Status of what can't be answered now, but soon. tus-js-client, up to 6, goes on after a 423 alone."""


NEWEST = Version()
_8 = replace(NEWEST, number=8)
_7 = replace(_8, number=7)
_6 = replace(_7, number=6, when_full=True, appended=201, age="expires", bare=True, busy=423)
_5 = replace(_6, number=5, typed=False)
_4 = replace(_5, number=4, progress=False)
_3 = replace(_4, number=3, inverted=True)
_VERSIONS = {version.number: version for version in (_3, _4, _5, _6, _7, _8)}


def version_of(headers: Mapping[str, str]) -> Version:
    """The version a request names; the newest ways for none, or one that nobody knows yet."""
    return _VERSIONS.get(parse_integer(headers.get(INTEROP)), NEWEST)


def is_rufh(head: RequestHead) -> bool:
    """Whether the request is of this protocol: by its version, or by what only this protocol sends."""
    if "Tus-Resumable" in head.headers:
        return False
    if INTEROP in head.headers:
        return True
    if head.on_upload:
        return is_media_type(head.headers.get("Content-Type"), PARTIAL_UPLOAD)
    return "Upload-Complete" in head.headers
