"""The rules for uploads whose bytes go from the client straight to the storage, applied to the uploads' records. No
function does I/O or reads a clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

from tusd_py.domain.allowed import apply, check_allowed
from tusd_py.domain.copying import copy_with
from tusd_py.domain.direct import DirectMode, DirectPart, DirectTransfer
from tusd_py.domain.intents import Begin
from tusd_py.domain.lengths import check_length, check_metadata
from tusd_py.domain.lifecycle import fill
from tusd_py.domain.limits import Limits, PartLimits
from tusd_py.domain.metadata import TYPE_KEYS, Metadata, declared
from tusd_py.domain.numbers import parse_integer
from tusd_py.domain.phase import Phase
from tusd_py.domain.principal import NO_ALLOWANCE, Allowance
from tusd_py.domain.refusals import AlreadyComplete, InconsistentLength, Malformed, UploadNotFound, WrongParts
from tusd_py.domain.rules import plan_inspect, touch
from tusd_py.domain.upload import Times, Upload
from tusd_py.domain.upload_id import UploadId

_PART_SIZE = "partsize"
"""The metadata key by which a client declares the length of each part but the last, if it doesn't split as Uppy does.
"""

TOUCH = 60.0
"""The least seconds between two saves of a client's activity in an upload's record. Each save moves the upload's
expiry."""
_PRESIGN_MARGIN = 1.0
"""Seconds for which the record of an upload in one request may be stored before the signature of that request gets less
than its whole lifetime."""
_REPEATED = 8
"""The number of parts of the least length by whose bytes all stored parts may exceed twice the announced length, before
the upload counts as overfull: some storages keep each repeat of a part."""


def max_whole_length(limits: Limits, parts: PartLimits) -> int:
    """Return the most bytes that an upload may have whose bytes come in one request."""
    return min(parts.max_length, parts.max_length if limits.max_length is None else limits.max_length)


def plan_begin(
    intent: Begin,
    *,
    upload_id: UploadId,
    limits: Limits,
    parts: PartLimits,
    now: float,
    allowance: Allowance = NO_ALLOWANCE,
) -> Upload:
    """Return the record of a new direct upload, without a cursor. Raises TypeNotAllowed, TooLarge, Malformed.

    The client of an upload in parts may declare type and name later, when it opens the upload for parts, unless the
    intent demands them now (`Begin.typed`), or the credential allows only certain types (`allowance`), as the request
    that opens the upload may have another credential.
    """
    whole = intent.mode is DirectMode.WHOLE
    metadata, bounds = apply(allowance, intent.metadata, limits, later=not (whole or intent.typed or allowance.types))
    check_length(intent.length, max_whole_length(bounds, parts) if whole else bounds.max_length)
    if not (whole and parts.forms):  # a form limits also an undeclared length
        _check_declared(intent.length, bounds)
    _declared_part_size(metadata)
    upload = Upload(
        id=upload_id,
        direct=DirectTransfer(mode=intent.mode),
        length=intent.length,
        max_length=allowance.max_length,
        metadata=metadata,
        times=Times.at_creation(now),
    )
    return touch(upload, now, limits)


def expect_presigned(upload: Upload, limits: Limits, now: float) -> Upload:
    """Return the planned upload as it is to be recorded just before its one request is signed, with the time until
    which that request may change the storage; an upload in parts unchanged."""
    if upload.direct is None or upload.direct.mode is not DirectMode.WHOLE:
        return upload
    until = now + limits.upload_url_lifetime + _PRESIGN_MARGIN
    return copy_with(upload, direct=replace(upload.direct, presigned_until=until))


def signature_lifetime(upload: Upload, limits: Limits, now: float) -> float:
    """Return the seconds for which a request signed now may be good: as set, but not past the time until which the
    upload's record awaits it."""
    until = None if upload.direct is None else upload.direct.presigned_until
    lifetime = limits.upload_url_lifetime
    return lifetime if until is None else max(min(lifetime, until - now), _PRESIGN_MARGIN)


def _check_declared(length: int | None, limits: Limits) -> None:
    """Raise Malformed if `length` is None, although the settings or the credential limit the lengths of uploads
    (`Limits.announced_max_length`). A limit of the storage alone doesn't count."""
    if length is None and limits.announced_max_length is not None:
        raise length_missing()


def length_missing() -> Malformed:
    """Return the refusal of a request that doesn't declare the upload's length, where a limit can't be enforced without
    it."""
    return Malformed("tell the upload's size, as filesize in its metadata: it is limited here")


def plan_parts(upload: Upload | None, *, limits: Limits, now: float) -> Upload:
    """Return the upload if it is a direct upload that its client sends in parts. Raises UploadNotFound, UploadGone."""
    record = plan_inspect(upload, limits=limits, now=now)
    if record.direct is None or record.direct.mode is not DirectMode.PARTS:
        raise UploadNotFound
    return record


def plan_open(upload: Upload, metadata: Metadata, *, limits: Limits) -> Upload:
    """Return an open direct upload, whose client is about to send parts, with those keys of `metadata` added that
    the upload lacks. If the upload has a declared type, no other key for a type is added.

    Raises AlreadyComplete if the upload isn't open, Malformed, TypeNotAllowed.
    """
    if upload.phase is not Phase.OPEN:
        raise AlreadyComplete
    fixed_keys = TYPE_KEYS if declared(upload.metadata, TYPE_KEYS) else ()
    merged = {**{key: value for key, value in metadata.items() if key not in fixed_keys}, **upload.metadata}
    check_metadata(merged, limits)
    check_allowed(merged, limits)
    return copy_with(upload, metadata=merged)


def plan_part(upload: Upload, number: int, declared: int | None, *, limits: Limits, parts: PartLimits) -> int | None:
    """Return the length that part `number` must have; None if neither the upload's length nor the part's (`declared` by
    the client) is known.

    Raises AlreadyComplete, WrongParts, Malformed.
    """
    if upload.phase is not Phase.OPEN:
        raise AlreadyComplete
    if upload.length is None:
        return _part_of_unsized(number, declared, limits.within(upload.max_length), parts)
    if declared is not None:
        return _fitting_length(number, declared, upload.length, parts)
    size = part_size(upload.length, upload.metadata, parts)
    _check_number(number, max(1, -(-upload.length // size)))
    return min(size, upload.length - (number - 1) * size)


def _fitting_length(number: int, declared: int, length: int, parts: PartLimits) -> int:
    """Return `declared`, the length that a client declares for a part. `length` is the upload's.

    Raises WrongParts if the part is longer than any part may be, or than the room that the upload has for it after
    `number` - 1 parts of the least length, or if the upload can't have a part of that number.
    """
    _check_number(number, min(parts.max_parts, max(1, -(-length // parts.min_length))))
    limit = min(parts.max_length, length - (number - 1) * parts.min_length)
    if declared > limit:
        raise WrongParts(f"part {number} can have {limit} bytes at most")
    return declared


def part_size(length: int, metadata: Metadata, parts: PartLimits) -> int:
    """Return the length of each part but the last: as the client declares it in the metadata, but at least the
    storage's least length of a part (without a declared length, this is Uppy's rule: 5.1.0, MultipartUploader.ts;
    6.3.1, S3Uploader.ts), more if there would be too many parts, and at most the storage's greatest. Raises Malformed.
    """
    size = max(_declared_part_size(metadata), parts.min_length, -(-length // parts.max_parts))
    return min(size, parts.max_length)


def _declared_part_size(metadata: Metadata) -> int:
    """Return the length of a part as the metadata declares it; 0 if none is declared. Raises Malformed."""
    return parse_integer(_PART_SIZE, metadata.get(_PART_SIZE, b"0").decode("latin-1"))


def _part_of_unsized(number: int, declared: int | None, limits: Limits, parts: PartLimits) -> int | None:
    """Return `declared`, the length that a client declares for a part (None for none) of an upload whose own length
    isn't declared.

    Raises WrongParts if the part is longer than a part or the upload may be, or its number too high; Malformed if the
    settings or the credential limit the lengths of uploads, so that the upload's must be declared.
    """
    _check_declared(None, limits)
    end = limits.max_length
    _check_number(number, parts.max_parts if end is None else min(parts.max_parts, max(1, -(-end // parts.min_length))))
    if declared is not None and declared > min(parts.max_length, parts.max_length if end is None else end):
        raise WrongParts("the part is longer than it can be")
    return declared


def _check_number(number: int, limit: int) -> None:
    if not 1 <= number <= limit:
        raise WrongParts(f"the upload can't have a part {number}")


def plan_complete(upload: Upload, chosen: Sequence[DirectPart], *, limits: Limits, parts: PartLimits) -> Upload:
    """Return the upload as finishing, with all its bytes; the storage is still to make the object of the parts
    `chosen`.

    Raises TooLarge, which is permanent, if the parts have more bytes than a limit or the declared length; WrongParts,
    if the storage takes no parts of such lengths, or InconsistentLength, if they have fewer bytes than declared: these
    two the client can still correct.
    """
    length = sum(part.length for part in chosen)
    for limit in (limits.max_length, upload.max_length, upload.length):
        check_length(length, limit)
    _check_sizes(chosen, parts)
    if upload.length not in (None, length):
        raise InconsistentLength(f"the parts have {length} bytes, and not the {upload.length} that were announced")
    return fill(upload, length)


def schedule_parts_check(upload: Upload, *, limits: Limits, now: float) -> Upload:
    """Return the upload with a check of its stored parts due once the presigned URLs made by now have expired. Returned
    unchanged if a time is set for a check already, the length isn't declared, or the upload isn't direct."""
    direct = upload.direct
    if upload.length is None or direct is None or direct.parts_check_at is not None:
        return upload
    return copy_with(upload, direct=replace(direct, parts_check_at=now + limits.upload_url_lifetime + TOUCH))


def reschedule_parts_check(upload: Upload, *, limits: Limits, now: float) -> Upload:
    """Return the upload after a check of its stored parts: with a further check due if a presigned URL may still be
    valid, else with none."""
    checked = copy_with(upload, direct=upload.direct and replace(upload.direct, parts_check_at=None))
    expired = upload.times.updated_at + limits.upload_url_lifetime + TOUCH <= now
    return checked if expired else schedule_parts_check(checked, limits=limits, now=now)


def overfull(upload: Upload, stored: Sequence[DirectPart], parts: PartLimits) -> bool:
    """Return True if the client has stored too many bytes for the announced length; False if no length is
    announced.

    The newest parts, one of each number, may together have at most the length. All stored parts, as some
    storages keep each repeat of a part, may together have at most twice the length plus 8 times the least
    length of a part.
    """
    if upload.length is None:
        return False
    length, total = (sum(part.length for part in stored_parts) for stored_parts in (newest(stored), stored))
    return length > upload.length or total - upload.length > upload.length + _REPEATED * parts.min_length


def choose(listed: Sequence[DirectPart], stored: Sequence[DirectPart]) -> Sequence[DirectPart]:
    """Return the stored parts that `listed` names, in order. Raises WrongParts unless the client lists parts 1, 2,
    3, ... up to the last stored one, each with the ETag of a stored part of that number; also if it lists none.
    """
    by_number_and_etag = {(part.number, part.etag): part for part in stored}
    numbers = {part.number for part in stored}
    for expected, (part, number) in enumerate(zip_longest(listed, sorted(numbers)), start=1):
        if part is None or part.number != expected:
            raise WrongParts(f"part {expected} isn't named where it should be")
        if number != expected:
            raise WrongParts(f"part {expected} isn't stored")
        if (part.number, part.etag) not in by_number_and_etag:
            raise WrongParts(f"part {expected} isn't stored with that ETag")
    if not listed:
        raise WrongParts("name at least one part")
    return [by_number_and_etag[part.number, part.etag] for part in listed]


def newest(stored: Sequence[DirectPart]) -> Sequence[DirectPart]:
    """Return the last part with each number; the numbers are in the order in which they first appear in `stored`."""
    return list({part.number: part for part in stored}.values())


def _check_sizes(chosen: Sequence[DirectPart], parts: PartLimits) -> None:
    """Raise WrongParts for lengths of parts that the storage would refuse only at the end of the upload."""
    first = chosen[0].length
    for part in chosen[:-1]:
        if part.length < parts.min_length:
            raise WrongParts(f"part {part.number} has fewer than {parts.min_length} bytes, and isn't the last")
        if parts.equal and part.length != first:
            raise WrongParts(f"part {part.number} must have {first} bytes: all parts but the last have one length")
    if parts.equal and chosen[-1].length > first:
        raise WrongParts("the last part is longer than the others")
