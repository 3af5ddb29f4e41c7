"""What may be done to an upload, judged on its record before a byte of the body is read. A refusal changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tusd_py.domain.allowed import check_allowed
from tusd_py.domain.events import Reason
from tusd_py.domain.intents import Append, Completion, Create, Whole
from tusd_py.domain.lengths import check_fits, check_length, declare, growth, room_left, said_length
from tusd_py.domain.lifecycle import Change, end, resume
from tusd_py.domain.limits import Limits
from tusd_py.domain.refusals import AlreadyComplete, Forbidden, Malformed, OffsetMismatch, UploadGone, UploadNotFound
from tusd_py.domain.upload import Kind, Phase, Upload, UploadId, parse_upload_id

_REMEMBER_GONE = 7 * 86400.0
"""Seconds a terminated upload is remembered, where that is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendPlan:
    """An append that may go on."""

    upload: Upload
    """As it was loaded, but with what this request declares."""
    declared: bool
    """Something of that is new, and must be saved."""
    room: int | None
    """The most bytes to take from the body; None for no limit."""
    growth: int
    """Bytes that the upload claims besides, at least."""


def plan_create(intent: Create, *, upload_id: UploadId, limits: Limits, now: float) -> Upload:
    """The record of a new upload, without a cursor. Raises TypeNotAllowed, TooLarge, InconsistentLength.

    Partial uploads declare nothing, most of the time: their final one does.
    """
    check_allowed(intent.metadata, limits, later=intent.kind is Kind.PARTIAL)
    length = said_length(intent, 0)
    check_length(length, limits.max_length)
    upload = Upload(
        id=upload_id,
        kind=intent.kind,
        length=length,
        waits=intent.completion is Completion.NOT_YET,
        digest_algorithm=intent.whole.algorithm if intent.whole else None,
        digest=intent.whole.digest if intent.whole else None,
        metadata=intent.metadata,
        created_at=now,
        updated_at=now,
    )
    check_fits(intent.body, room_left(upload, limits))
    return touch(upload, now, limits)


def plan_final(
    intent: Create, partials: Sequence[Upload | None], *, upload_id: UploadId, limits: Limits, now: float
) -> Upload:
    """The record of a final upload, all its bytes there, its object still to be made.

    `partials` are the records `intent.partials` name, in order; None for those that name nothing.
    Raises Malformed when one can't be used, TypeNotAllowed, TooLarge.
    """
    check_allowed(intent.metadata, limits)
    sources = [_usable(partial, now) for partial in partials]
    length = sum(source.offset for source in sources)
    check_length(length, limits.max_length)
    upload = Upload(
        id=upload_id,
        kind=Kind.FINAL,
        length=length,
        offset=length,
        metadata=intent.metadata,
        partials=tuple(source.id for source in sources),
        created_at=now,
        updated_at=now,
    )
    return touch(resume(upload), now, limits)


def plan_inspect(upload: Upload | None, *, limits: Limits, now: float) -> Upload:
    """The upload, if clients may see it. Raises UploadNotFound, UploadGone."""
    if upload is None:
        raise UploadNotFound
    if not upload.visible(now):
        raise UploadGone if limits.gone else UploadNotFound
    return upload


def plan_append(intent: Append, upload: Upload | None, *, limits: Limits, now: float) -> AppendPlan:
    """How the body may be taken. An upload that is full is driven on to done before it comes here.

    Raises, the first that holds: UploadNotFound or UploadGone, Forbidden, OffsetMismatch, AlreadyComplete, Malformed or
    InconsistentLength, TooLarge.
    """
    seen = plan_inspect(upload, limits=limits, now=now)
    if seen.kind is Kind.FINAL:
        raise Forbidden("a final upload takes no bytes")
    _check_here(seen)
    if intent.offset != seen.offset:
        raise OffsetMismatch(expected=seen.offset, provided=intent.offset)
    _check_incomplete(seen, intent)
    planned = replace(declare(seen, intent, limits), waits=intent.completion is Completion.NOT_YET)
    planned = _want(planned, intent.whole)
    room = room_left(planned, limits)
    check_fits(intent.body, room)
    return AppendPlan(upload=planned, declared=planned != seen, room=room, growth=growth(seen, planned, intent.body))


def _check_here(upload: Upload) -> None:
    """Raises Forbidden for what has no offset that this server could know of."""
    if upload.direct is not None and not upload.done:
        raise Forbidden("this upload goes straight to the storage: nothing of it comes by here")


def plan_terminate(upload: Upload | None, reason: Reason, *, limits: Limits, now: float) -> Change:
    """The upload on its way out. Raises UploadNotFound, UploadGone, Forbidden.

    A partial upload is only a means to a final one, which doesn't need it any more.
    """
    seen = plan_inspect(upload, limits=limits, now=now)
    if seen.done and seen.kind is not Kind.PARTIAL and not limits.terminates_finished:
        raise Forbidden("a finished upload can't be deleted by clients here")
    return end(seen, reason)


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
        moved = upload.created_at if upload.awaited else now  # nobody sees it move
        yield from () if limits.expire_after is None else (moved + limits.expire_after,)
        yield from () if limits.max_age is None else (upload.created_at + limits.max_age,)


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


def check_uses(partials: Sequence[UploadId | None], limits: Limits) -> None:
    """Each time that a final upload names a partial one, its bytes are copied. Raises Malformed."""
    uses = Counter(partial for partial in partials if partial is not None)
    if max(uses.values(), default=0) > limits.max_partial_uses:
        raise Malformed(f"Upload-Concat names a partial upload more than {limits.max_partial_uses} times")


def _usable(partial: Upload | None, now: float) -> Upload:
    if partial is None or not partial.visible(now):
        raise Malformed("Upload-Concat names an upload that is not here")
    if partial.kind is not Kind.PARTIAL:
        raise Malformed("Upload-Concat names an upload that is not a partial one")
    if not partial.done:
        raise Malformed("Upload-Concat names a partial upload that is not finished")
    return partial


def _check_incomplete(upload: Upload, intent: Append) -> None:
    """What is complete can be completed again, with nothing (tus 1.0 and IETF); nothing else can be said of it."""
    if upload.done and intent.completion is not Completion.WHEN_FULL:
        again = intent.completion is Completion.WITH_THIS and not intent.body.length
        if not again:
            raise AlreadyComplete


def _want(upload: Upload, whole: Whole | None) -> Upload:
    """A digest may be asked for until the upload is done; the first to be asked for is the one."""
    if whole is None or upload.digest_algorithm is not None or upload.done:
        return upload
    return replace(upload, digest_algorithm=whole.algorithm)
