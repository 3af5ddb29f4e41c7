"""What may be done to uploads that go straight to the storage, judged on their records. Pure, like `rules`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

from tusd_py.model import Direct, DirectPart, Metadata, Phase, Upload, UploadId
from tusd_py.protocol.allowed import check_allowed
from tusd_py.protocol.intents import Begin
from tusd_py.protocol.lengths import check_length, check_metadata
from tusd_py.protocol.limits import Limits, PartLimits
from tusd_py.protocol.refusals import AlreadyComplete, InconsistentLength, UploadNotFound, WrongParts
from tusd_py.protocol.rules import plan_inspect, touch


def most_whole(limits: Limits, parts: PartLimits) -> int:
    """The most bytes that may come in one request."""
    return min(parts.greatest_length, parts.greatest_length if limits.max_length is None else limits.max_length)


def plan_begin(intent: Begin, *, upload_id: UploadId, limits: Limits, parts: PartLimits, now: float) -> Upload:
    """The record of a new upload, without a cursor. Raises TypeNotAllowed, TooLarge.

    Of parts, the type may be told as late as the upload is opened for them.
    """
    whole = intent.direct is Direct.WHOLE
    check_allowed(intent.metadata, limits, later=not whole)
    check_length(intent.length, most_whole(limits, parts) if whole else limits.max_length)
    upload = Upload(
        id=upload_id,
        direct=intent.direct,
        signed_until=now + limits.upload_url_lifetime if whole else None,
        length=intent.length,
        metadata=intent.metadata,
        created_at=now,
        updated_at=now,
    )
    return touch(upload, now, limits)


def plan_parts(upload: Upload | None, *, limits: Limits, now: float) -> Upload:
    """The upload, if it is one of parts. Raises UploadNotFound, UploadGone."""
    seen = plan_inspect(upload, limits=limits, now=now)
    if seen.direct is not Direct.PARTS:
        raise UploadNotFound
    return seen


def plan_open(upload: Upload, metadata: Metadata, *, limits: Limits) -> Upload:
    """The upload with what wasn't known of it before. Raises AlreadyComplete, Malformed, TypeNotAllowed."""
    if upload.phase is not Phase.OPEN:
        raise AlreadyComplete
    known = {**metadata, **upload.metadata}
    check_metadata(known, limits)
    check_allowed(known, limits)
    return replace(upload, metadata=known)


def plan_part(upload: Upload, number: int, length: int | None, *, limits: Limits, parts: PartLimits) -> int | None:
    """The length to bind part `number` to, if that can be known. Raises AlreadyComplete, WrongParts, Malformed.

    `length` is what the client says that the part has. What is shorter than a part must be has only one.
    """
    if upload.phase is not Phase.OPEN:
        raise AlreadyComplete
    end = limits.max_length if upload.length is None else upload.length
    if not 1 <= number <= _most_parts(end, parts):
        raise WrongParts(f"the upload can't have a part {number}")
    if upload.length is not None and upload.length <= parts.least_length:
        return upload.length
    if length is not None and length > min(parts.greatest_length, parts.greatest_length if end is None else end):
        raise WrongParts("the part is longer than it can be")
    return length


def _most_parts(length: int | None, parts: PartLimits) -> int:
    return parts.most if length is None else min(parts.most, max(1, -(-length // parts.least_length)))


def plan_complete(upload: Upload, kept: Sequence[DirectPart], *, limits: Limits, parts: PartLimits) -> Upload:
    """The upload with all its bytes there, its object still to be made of the parts `kept`.

    Raises WrongParts, InconsistentLength, TooLarge: nothing has changed then, and what is missing can still come.
    """
    _check_sizes(kept, parts)
    length = sum(part.length for part in kept)
    check_length(length, limits.max_length)
    if upload.length not in (None, length):
        raise InconsistentLength(f"the parts have {length} bytes, and not the {upload.length} that were announced")
    return filled(upload, length)


def filled(upload: Upload, length: int) -> Upload:
    """The upload once it is known that all its bytes are there."""
    return replace(upload, phase=Phase.FINISHING, length=length, offset=length)


def choose(named: Sequence[DirectPart], stored: Sequence[DirectPart]) -> Sequence[DirectPart]:
    """The stored parts that make the upload: `named` are all of them, as its client lists them. Raises WrongParts."""
    there = {(part.number, part.etag): part for part in stored}
    numbers = {part.number for part in stored}
    for expected, (told, number) in enumerate(zip_longest(named, sorted(numbers)), start=1):
        if told is None or told.number != expected:
            raise WrongParts(f"part {expected} isn't named where it should be")
        if number != expected:
            raise WrongParts(f"part {expected} isn't stored")
        if (told.number, told.etag) not in there:
            raise WrongParts(f"part {expected} isn't stored with that ETag")
    if not named:
        raise WrongParts("name at least one part")
    return [there[told.number, told.etag] for told in named]


def newest(stored: Sequence[DirectPart]) -> Sequence[DirectPart]:
    """Each part once."""
    return list({part.number: part for part in stored}.values())


def _check_sizes(kept: Sequence[DirectPart], parts: PartLimits) -> None:
    """What the storage would refuse once it is too late."""
    first = kept[0].length
    for part in kept[:-1]:
        if part.length < parts.least_length:
            raise WrongParts(f"part {part.number} has fewer than {parts.least_length} bytes, and isn't the last")
        if parts.equal and part.length != first:
            raise WrongParts(f"part {part.number} has not {first} bytes, as all but the last must")
    if parts.equal and kept[-1].length > first:
        raise WrongParts("the last part is longer than the others")
