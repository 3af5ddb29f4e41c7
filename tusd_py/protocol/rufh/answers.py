"""Header fields about uploads and refusals in Resumable Uploads for HTTP, and problem details (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from tusd_py.domain import refusals
from tusd_py.domain.lengths import length_limit
from tusd_py.domain.limits import Limits
from tusd_py.domain.refusals import Refusal
from tusd_py.domain.upload import Upload
from tusd_py.protocol.rufh.representation import ALGORITHMS
from tusd_py.protocol.rufh.versions import Version
from tusd_py.protocol.structured import LARGEST, encode_dictionary

_TYPES = "https://iana.org/assignments/http-problem-types#"
_PROBLEMS: Mapping[type[Refusal], tuple[str, str]] = {
    refusals.OffsetMismatch: ("mismatching-upload-offset", "Mismatching Upload Offset"),
    refusals.AlreadyComplete: ("completed-upload", "Upload Is Completed"),
    refusals.InconsistentLength: ("inconsistent-upload-length", "Inconsistent Upload Length Values"),
}
_COMPLETENESS: Mapping[type[Refusal], bool] = {
    refusals.OffsetMismatch: False,
    refusals.InconsistentLength: False,
    refusals.TooLarge: False,
    refusals.ChecksumMismatch: False,
    refusals.DigestMismatch: True,  # all bytes came; that they are wrong is the upload's result
}


def completeness(version: Version, *, complete: bool) -> Mapping[str, str]:
    if version.inverted:
        return {"Upload-Incomplete": "?0" if complete else "?1"}
    return {"Upload-Complete": "?1" if complete else "?0"}


def state(upload: Upload, version: Version) -> Mapping[str, str]:
    """Return the header fields of the upload's offset and completeness: it is complete once its object exists, as
    the final response is only sent then."""
    return {"Upload-Offset": str(upload.offset), **completeness(version, complete=upload.done)}


def length(upload: Upload, version: Version) -> Mapping[str, str]:
    """Return Upload-Length; no field while the length is unknown. Clients of versions up to 6 take an upload that has
    reached its length for complete: they get no field for a waiting upload that has reached it."""
    value = upload.settled_length if version.when_full else upload.length
    return {} if value is None else {"Upload-Length": str(value)}


def digest(upload: Upload) -> Mapping[str, str]:
    """Return Repr-Digest of the whole upload, once the upload is done and the digest computed; else no field."""
    whole = upload.digest
    if not upload.done or whole is None or whole.value is None:
        return {}
    name = next(name for name, algorithm in ALGORITHMS.items() if algorithm == whole.algorithm)
    return {"Repr-Digest": encode_dictionary({name: bytes.fromhex(whole.value)})}


def limit(upload: Upload | None, version: Version, limits: Limits, now: float) -> Mapping[str, str]:
    """Return Upload-Limit of an upload, or with None of new uploads; `now` is in seconds since the epoch. The field is
    never empty: it always has `min-size`, which is 0 bytes."""
    size = limits.max_length if upload is None else length_limit(upload, limits)
    members = {"min-size": 0, **_minimum("max-size", [] if size is None else [size])}
    return {"Upload-Limit": encode_dictionary({**members, **_minimum(version.age_limit, _ages(upload, limits, now))})}


def _ages(upload: Upload | None, limits: Limits, now: float) -> Iterator[float]:
    if upload is None:
        yield from (age for age in (limits.expire_after, limits.max_age) if age is not None)
    elif upload.times.expires_at is not None:
        yield max(upload.times.expires_at - now, 0)


def _minimum(name: str, values: list[float] | Iterator[float]) -> dict[str, int]:
    minimum = min(values, default=None)
    return {} if minimum is None else {name: min(int(minimum), LARGEST)}


def refused(refusal: Refusal, version: Version) -> Mapping[str, str]:
    """Return Upload-Complete (in version 3 Upload-Incomplete) for the refusals from which it follows: the upload isn't
    complete after OffsetMismatch, InconsistentLength, TooLarge and ChecksumMismatch, and is after DigestMismatch. No
    field for any other refusal."""
    complete = _COMPLETENESS.get(type(refusal))
    return {} if complete is None else completeness(version, complete=complete)


def problem(refusal: Refusal, status: int) -> str:
    """Return the problem details of a refusal as JSON, with the server's stable `code` of the refusal added."""
    kind = _PROBLEMS.get(type(refusal))
    identity = {} if kind is None else {"type": _TYPES + kind[0], "title": kind[1]}
    offsets = {}
    if isinstance(refusal, refusals.OffsetMismatch):
        offsets = {"expected-offset": refusal.expected, "provided-offset": refusal.provided}
    return json.dumps({**identity, "status": status, "detail": refusal.message, "code": refusal.code, **offsets})
