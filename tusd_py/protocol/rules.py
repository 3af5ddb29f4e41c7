"""What may be done to an upload, judged on its record before a byte of the body is read. A refusal changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tusd_py.model import Kind, Phase, Upload, UploadId, parse_upload_id
from tusd_py.protocol.intents import Append, Body, Create
from tusd_py.protocol.limits import Limits
from tusd_py.protocol.refusals import Forbidden, Malformed, OffsetMismatch, TooLarge, UploadGone, UploadNotFound

_REMEMBER_GONE = 7 * 86400.0
"""Seconds a terminated upload is remembered, where that is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendPlan:
    """An append that may go on."""

    upload: Upload
    """As it was loaded, but with the length this request declares."""
    declared: bool
    """The length is new, and must be saved."""
    room: int | None
    """The most bytes to take from the body; None for no limit."""


def plan_create(intent: Create, *, upload_id: UploadId, limits: Limits, now: float) -> Upload:
    """The record of a new upload, without a cursor. Raises TooLarge."""
    _check_length(intent.length, limits.max_length)
    upload = Upload(
        id=upload_id,
        kind=intent.kind,
        length=intent.length,
        metadata=intent.metadata,
        created_at=now,
        updated_at=now,
    )
    _check_fits(intent.body, room_left(upload, limits))
    return touch(upload, now, limits)


def plan_final(
    intent: Create, partials: Sequence[Upload | None], *, upload_id: UploadId, limits: Limits, now: float
) -> Upload:
    """The record of a final upload, all its bytes there, its object still to be made.

    `partials` are the records `intent.partials` name, in order; None for those that name nothing.
    Raises Malformed when one can't be used, TooLarge.
    """
    sources = [_usable(partial, now) for partial in partials]
    length = sum(source.offset for source in sources)
    _check_length(length, limits.max_length)
    upload = Upload(
        id=upload_id,
        kind=Kind.FINAL,
        phase=Phase.FINISHING,
        length=length,
        offset=length,
        metadata=intent.metadata,
        partials=tuple(source.id for source in sources),
        created_at=now,
        updated_at=now,
    )
    return touch(upload, now, limits)


def plan_inspect(upload: Upload | None, *, limits: Limits, now: float) -> Upload:
    """The upload, if clients may see it. Raises UploadNotFound, UploadGone."""
    if upload is None:
        raise UploadNotFound
    if not upload.visible(now):
        raise UploadGone if limits.gone else UploadNotFound
    return upload


def plan_append(intent: Append, upload: Upload | None, *, limits: Limits, now: float) -> AppendPlan:
    """How the body may be taken. An upload that is full is driven on to done before it comes here.

    Raises, the first that holds: UploadNotFound or UploadGone, Forbidden, OffsetMismatch, Malformed, TooLarge.
    """
    seen = plan_inspect(upload, limits=limits, now=now)
    if seen.kind is Kind.FINAL:
        raise Forbidden("a final upload takes no bytes")
    if intent.offset != seen.offset:
        raise OffsetMismatch(expected=seen.offset, provided=intent.offset)
    planned = _declare(seen, intent.length, limits)
    room = room_left(planned, limits)
    _check_fits(intent.body, room)
    return AppendPlan(upload=planned, declared=planned.length != seen.length, room=room)


def plan_terminate(upload: Upload | None, *, limits: Limits, now: float) -> Upload:
    """The upload on its way out. Raises UploadNotFound, UploadGone."""
    return replace(plan_inspect(upload, limits=limits, now=now), phase=Phase.TERMINATING)


def touch(upload: Upload, now: float, limits: Limits) -> Upload:
    """The upload as changed at `now`: the one place that says when it expires.

    Partials are only a means to a final upload, so they never live by the retention of finished ones.
    """
    return replace(upload, updated_at=now, expires_at=min(_ends(upload, now, limits), default=None))


def _ends(upload: Upload, now: float, limits: Limits) -> Iterator[float]:
    if upload.phase is Phase.GONE:
        yield now + _REMEMBER_GONE
    elif upload.done and upload.kind is not Kind.PARTIAL:
        yield from () if limits.retention is None else (now + limits.retention,)
    else:
        yield from () if limits.expire_after is None else (now + limits.expire_after,)
        yield from () if limits.max_age is None else (upload.created_at + limits.max_age,)


def room_left(upload: Upload, limits: Limits) -> int | None:
    """How many bytes the upload may still take; None for no limit."""
    end = _most_deferred(limits) if upload.length is None else upload.length
    return None if end is None else max(end - upload.offset, 0)


def resolve_partial(url: str, base_path: str) -> UploadId | None:
    """The upload a client means by an absolute URL, an absolute path or a bare id; None for anything else.

    Schemes, hosts and what stands before `base_path` are ignored: proxies put them there.
    """
    if "/" not in url:
        return parse_upload_id(url)
    if not url.isprintable():
        return None  # urlsplit drops tabs
    try:
        path = urlsplit(url).path
    except ValueError:
        return None
    parent, slash, name = path.rpartition("/")
    within = path.startswith("/") and (parent + slash).endswith(base_path)
    return parse_upload_id(name) if within else None


def _usable(partial: Upload | None, now: float) -> Upload:
    if partial is None or not partial.visible(now):
        raise Malformed("Upload-Concat names an upload that is not here")
    if partial.kind is not Kind.PARTIAL:
        raise Malformed("Upload-Concat names an upload that is not a partial one")
    if not partial.done:
        raise Malformed("Upload-Concat names a partial upload that is not finished")
    return partial


def _declare(upload: Upload, length: int | None, limits: Limits) -> Upload:
    """A length can be declared once, and repeated as often as one likes (tus 1.0, creation-defer-length)."""
    if length is None or length == upload.length:
        return upload
    if upload.length is not None:
        raise Malformed("the upload has another length already")
    if length < upload.offset:
        raise Malformed("Upload-Length is less than what the upload has already")
    _check_length(length, _most_deferred(limits))
    return replace(upload, length=length)


def _check_length(length: int | None, most: int | None) -> None:
    if length is not None and most is not None and length > most:
        raise TooLarge(f"the upload can have {most} bytes at most")


def _most_deferred(limits: Limits) -> int | None:
    return limits.max_length if limits.max_deferred_length is None else limits.max_deferred_length


def _check_fits(body: Body | None, room: int | None) -> None:
    if body is not None and body.length is not None and room is not None and body.length > room:
        raise TooLarge(f"the upload takes {room} more bytes at most")
