"""What may be done to uploads that go straight to the storage, judged on their records. Pure, like `rules`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

from tusd_py.domain.allowed import check_allowed
from tusd_py.domain.intents import Begin
from tusd_py.domain.lengths import check_length, check_metadata
from tusd_py.domain.lifecycle import fill
from tusd_py.domain.limits import Limits, PartLimits
from tusd_py.domain.numbers import parse_integer
from tusd_py.domain.refusals import AlreadyComplete, InconsistentLength, Malformed, UploadNotFound, WrongParts
from tusd_py.domain.rules import plan_inspect, touch
from tusd_py.domain.upload import Direct, DirectPart, Metadata, Phase, Upload, UploadId

_PART_SIZE = "partsize"
"""The metadata key that says how long each part but the last is, for clients that don't part by Uppy's own rule."""

TOUCH = 60.0
"""Seconds between two records of a client's activity: it keeps the upload from expiring, and costs a save."""
_REPEATED = 8
"""Parts of the least length that may be there twice, beside as many bytes as were announced."""


def most_whole(limits: Limits, parts: PartLimits) -> int:
    """The most bytes that may come in one request."""
    return min(parts.greatest_length, parts.greatest_length if limits.max_length is None else limits.max_length)


def plan_begin(intent: Begin, *, upload_id: UploadId, limits: Limits, parts: PartLimits, now: float) -> Upload:
    """The record of a new upload, without a cursor. Raises TypeNotAllowed, TooLarge, Malformed.

    Of parts, the type may be told as late as the upload is opened for them.
    """
    whole = intent.direct is Direct.WHOLE
    check_allowed(intent.metadata, limits, later=not whole)
    check_length(intent.length, most_whole(limits, parts) if whole else limits.max_length)
    if not (whole and parts.forms):  # a form limits also what isn't told
        _check_told(intent.length, limits)
    _told_size(intent.metadata)
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


def _check_told(length: int | None, limits: Limits) -> None:
    """Raises Malformed where `max-size` couldn't hold."""
    if length is None and limits.announced_max_length is not None:
        raise Malformed("tell the upload's size, as filesize in its metadata: it is limited here")


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


def plan_part(upload: Upload, number: int, told: int | None, *, limits: Limits, parts: PartLimits) -> int | None:
    """The length to bind part `number` to: None only where neither the upload nor the client (`told`) says it.

    Raises AlreadyComplete, WrongParts, Malformed.
    """
    if upload.phase is not Phase.OPEN:
        raise AlreadyComplete
    if upload.length is None:
        return _unsized(number, told, limits, parts)
    if told is not None:
        return _fitting(number, told, upload.length, parts)
    size = part_size(upload.length, upload.metadata, parts)
    _check_number(number, max(1, -(-upload.length // size)))
    return min(size, upload.length - (number - 1) * size)


def _fitting(number: int, told: int, length: int, parts: PartLimits) -> int:
    """The length that a client tells of a part, if the announced one leaves it after the least parts before it.

    Raises WrongParts.
    """
    _check_number(number, min(parts.most, max(1, -(-length // parts.least_length))))
    left = length - (number - 1) * parts.least_length
    if told > min(parts.greatest_length, left):
        raise WrongParts(f"part {number} can have {min(parts.greatest_length, left)} bytes at most")
    return told


def part_size(length: int, metadata: Metadata, parts: PartLimits) -> int:
    """How long each part but the last is: as the client told, or by Uppy's own rule (5.1.0, MultipartUploader.ts;
    6.3.1, S3Uploader.ts). Both make longer ones where there would be too many."""
    size = max(_told_size(metadata), parts.least_length, -(-length // parts.most))
    return min(size, parts.greatest_length)


def _told_size(metadata: Metadata) -> int:
    """0 where nothing is told. Raises Malformed."""
    return parse_integer(_PART_SIZE, metadata.get(_PART_SIZE, b"0").decode("latin-1"))


def _unsized(number: int, told: int | None, limits: Limits, parts: PartLimits) -> int | None:
    """Raises WrongParts, Malformed."""
    _check_told(None, limits)
    end = limits.max_length
    _check_number(number, parts.most if end is None else min(parts.most, max(1, -(-end // parts.least_length))))
    if told is not None and told > min(parts.greatest_length, parts.greatest_length if end is None else end):
        raise WrongParts("the part is longer than it can be")
    return told


def _check_number(number: int, most: int) -> None:
    if not 1 <= number <= most:
        raise WrongParts(f"the upload can't have a part {number}")


def plan_complete(upload: Upload, kept: Sequence[DirectPart], *, limits: Limits, parts: PartLimits) -> Upload:
    """The upload with all its bytes there, its object still to be made of the parts `kept`.

    Raises TooLarge: it can't become what it may be. WrongParts, InconsistentLength: what is missing can still come.
    """
    length = sum(part.length for part in kept)
    for most in (limits.max_length, upload.length):
        check_length(length, most)
    _check_sizes(kept, parts)
    if upload.length not in (None, length):
        raise InconsistentLength(f"the parts have {length} bytes, and not the {upload.length} that were announced")
    return fill(upload, length)


def count_later(upload: Upload, *, limits: Limits, now: float) -> Upload:
    """The upload, to be counted once all that is signed for it now has expired, unless it is to be before."""
    if upload.length is None or upload.count_at is not None:
        return upload
    return replace(upload, count_at=now + limits.upload_url_lifetime + TOUCH)


def count_again(upload: Upload, *, limits: Limits, now: float) -> Upload:
    """The upload after a count: to be counted again if anything was signed for it that hasn't expired."""
    counted = replace(upload, count_at=None)
    expired = upload.updated_at + limits.upload_url_lifetime + TOUCH <= now
    return counted if expired else count_later(counted, limits=limits, now=now)


def overfull(upload: Upload, stored: Sequence[DirectPart], parts: PartLimits) -> bool:
    """Whether more is stored than was announced. Some storages keep each repeat of a part, so some may be there."""
    if upload.length is None:
        return False
    once, in_all = (sum(part.length for part in each) for each in (newest(stored), stored))
    return once > upload.length or in_all - upload.length > upload.length + _REPEATED * parts.least_length


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
