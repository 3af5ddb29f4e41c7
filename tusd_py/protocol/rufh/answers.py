"""What is told of uploads and of refusals, in this protocol's fields and problems (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from tusd_py.domain import refusals
from tusd_py.domain.lengths import most
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
    refusals.DigestMismatch: True,  # all bytes came, and that they are the wrong ones is the upload's result
}


def completeness(version: Version, *, complete: bool) -> Mapping[str, str]:
    if version.inverted:
        return {"Upload-Incomplete": "?0" if complete else "?1"}
    return {"Upload-Complete": "?1" if complete else "?0"}


def state(upload: Upload, version: Version) -> Mapping[str, str]:
    """Complete is only what has its object: that is the final response's meaning here."""
    return {"Upload-Offset": str(upload.offset), **completeness(version, complete=upload.done)}


def length(upload: Upload, version: Version) -> Mapping[str, str]:
    """Early clients take an upload whose length is reached for complete, so they aren't told of one that waits."""
    told = upload.settled_length if version.when_full else upload.length
    return {} if told is None else {"Upload-Length": str(told)}


def digest(upload: Upload) -> Mapping[str, str]:
    """Repr-Digest, once it is found."""
    if not upload.done or upload.digest is None:
        return {}
    name = next(name for name, ours in ALGORITHMS.items() if ours == upload.digest_algorithm)
    return {"Repr-Digest": encode_dictionary({name: bytes.fromhex(upload.digest)})}


def limit(upload: Upload | None, version: Version, limits: Limits, now: float) -> Mapping[str, str]:
    """Upload-Limit of an upload, or of those to come. Never empty, since there is always a smallest size."""
    size = limits.max_length if upload is None else most(upload, limits)
    members = {"min-size": 0, **_least("max-size", [] if size is None else [size])}
    return {"Upload-Limit": encode_dictionary({**members, **_least(version.age, _ages(upload, limits, now))})}


def _ages(upload: Upload | None, limits: Limits, now: float) -> Iterator[float]:
    if upload is None:
        yield from (age for age in (limits.expire_after, limits.max_age) if age is not None)
    elif upload.expires_at is not None:
        yield max(upload.expires_at - now, 0)


def _least(name: str, values: list[float] | Iterator[float]) -> dict[str, int]:
    found = min(values, default=None)
    return {} if found is None else {name: min(int(found), LARGEST)}


def refused(refusal: Refusal, version: Version) -> Mapping[str, str]:
    """Whether the upload is complete, where the refusal says something about that."""
    complete = _COMPLETENESS.get(type(refusal))
    return {} if complete is None else completeness(version, complete=complete)


def problem(refusal: Refusal, status: int) -> str:
    """The problem as JSON, with our stable code besides."""
    kind = _PROBLEMS.get(type(refusal))
    named = {} if kind is None else {"type": _TYPES + kind[0], "title": kind[1]}
    offsets = {}
    if isinstance(refusal, refusals.OffsetMismatch):
        offsets = {"expected-offset": refusal.expected, "provided-offset": refusal.provided}
    return json.dumps({**named, "status": status, "detail": refusal.message, "code": refusal.code, **offsets})
