"""The rules for requests, applied to the upload's record before the body is read. A request that they refuse changes
nothing, except that an IETF client's append with more bytes than the upload's length ends the upload (`Append.strict`).
No function does I/O or reads a clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tusd_py.domain.allowed import apply
from tusd_py.domain.copying import copy_with
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.events import Reason
from tusd_py.domain.intents import Append, Completion, Create
from tusd_py.domain.lengths import check_fits, check_length, declare, declared_length, growth, remaining_bytes
from tusd_py.domain.lifecycle import Change, end, resume
from tusd_py.domain.limits import Limits
from tusd_py.domain.names import is_name
from tusd_py.domain.phase import Phase
from tusd_py.domain.principal import NO_ALLOWANCE, Allowance
from tusd_py.domain.refusals import (
    AlreadyComplete,
    Forbidden,
    Malformed,
    OffsetMismatch,
    Paused,
    UploadGone,
    UploadNotFound,
)
from tusd_py.domain.upload import Kind, Times, Upload
from tusd_py.domain.upload_id import UploadId, parse_upload_id

_REMEMBER_GONE = 7 * 86400.0
"""Seconds for which the record of an ended upload is kept, if the server answers 410 for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendPlan:
    """A plan for an append that is allowed."""

    upload: Upload
    """The upload's record, with what the request declares."""
    declared: bool
    """True if the request declares something that the record doesn't have: it must be saved."""
    max_bytes: int | None
    """The most bytes to take from the body; None for no limit."""
    growth: int
    """The number of bytes by which the upload's claim grows (`domain.lengths.growth`)."""


def plan_create(
    intent: Create, *, upload_id: UploadId, limits: Limits, now: float, allowance: Allowance = NO_ALLOWANCE
) -> Upload:
    """Return the record of a new upload, without a cursor. Raises Malformed, TypeNotAllowed, TooLarge,
    InconsistentLength.

    The client needn't declare a type and name for a partial upload: it declares them for the final one.
    """
    metadata, bounds = apply(allowance, intent.metadata, limits, later=intent.kind is Kind.PARTIAL)
    length = declared_length(intent, 0)
    check_length(length, bounds.max_length)
    upload = Upload(
        id=upload_id,
        kind=intent.kind,
        length=length,
        explicit_completion=intent.completion is Completion.NOT_YET,
        unresumable=intent.unresumable,
        digest=intent.whole,
        max_length=allowance.max_length,
        metadata=metadata,
        times=Times.at_creation(now),
    )
    check_fits(intent.body, remaining_bytes(upload, limits))
    return touch(upload, now, limits)


def plan_final(
    intent: Create,
    partials: Sequence[Upload | None],
    *,
    upload_id: UploadId,
    limits: Limits,
    now: float,
    allowance: Allowance = NO_ALLOWANCE,
) -> Upload:
    """Return the record of a new final upload: all its bytes are stored in its partial uploads, and the storage is
    still to make its object.

    `partials` are the records of the uploads that `intent.partials` names, in order; None for a name of no upload.
    Raises Malformed (one isn't a finished partial upload, or the metadata is too long), TypeNotAllowed, TooLarge.
    """
    metadata, bounds = apply(allowance, intent.metadata, limits)
    sources = [_usable(partial, now) for partial in partials]
    length = sum(source.offset for source in sources)
    check_length(length, bounds.max_length)
    upload = Upload(
        id=upload_id,
        kind=Kind.FINAL,
        length=length,
        offset=length,
        max_length=allowance.max_length,
        metadata=metadata,
        partials=tuple(source.id for source in sources),
        times=Times.at_creation(now),
    )
    return touch(resume(upload), now, limits)


def plan_inspect(upload: Upload | None, *, limits: Limits, now: float) -> Upload:
    """Return the upload, if clients may see it. Raises UploadNotFound, UploadGone."""
    if upload is None:
        raise UploadNotFound
    if not upload.visible(now):
        raise UploadGone if limits.answers_gone else UploadNotFound
    return upload


def plan_append(intent: Append, upload: Upload | None, *, limits: Limits, now: float) -> AppendPlan:
    """Return the plan for taking the body. A full upload (`Upload.full`) must be finished before it is passed here.

    Raises the first that applies: UploadNotFound or UploadGone, Forbidden, Paused, OffsetMismatch, AlreadyComplete,
    Malformed or InconsistentLength, TooLarge.
    """
    record = plan_inspect(upload, limits=limits, now=now)
    if record.kind is Kind.FINAL:
        raise Forbidden("a final upload takes no bytes")
    _check_not_direct(record)
    check_not_paused(record, now)
    if intent.offset != record.offset:
        raise OffsetMismatch(expected=record.offset, provided=intent.offset)
    _check_incomplete(record, intent)
    planned = copy_with(declare(record, intent, limits), explicit_completion=intent.completion is Completion.NOT_YET)
    planned = _request_digest(planned, intent.whole)
    max_bytes = remaining_bytes(planned, limits)
    check_fits(intent.body, max_bytes)
    return AppendPlan(
        upload=planned,
        declared=planned != record,
        max_bytes=max_bytes,
        growth=growth(record, planned, intent.body),
    )


def _check_not_direct(upload: Upload) -> None:
    """Raise Forbidden if the upload is direct and not done: this server doesn't know its offset."""
    if upload.direct is not None and not upload.done:
        raise Forbidden("this upload goes straight to the storage: nothing of it comes by here")


def check_not_paused(upload: Upload, now: float) -> None:
    """Raise Paused if the upload takes no bytes at `now`, since a client has paused it."""
    if upload.paused(now):
        raise Paused


def plan_pause(upload: Upload | None, *, limits: Limits, now: float) -> Upload:
    """Return the upload, if a client may pause or unpause it. Raises UploadNotFound, UploadGone, AlreadyComplete."""
    record = plan_inspect(upload, limits=limits, now=now)
    if record.phase is not Phase.OPEN:
        raise AlreadyComplete
    return record


def plan_terminate(upload: Upload | None, reason: Reason, *, limits: Limits, now: float) -> Change:
    """Return the change that ends the upload. Raises UploadNotFound, UploadGone; Forbidden if it is finished and the
    settings don't let clients terminate such uploads.

    A finished partial upload can always be terminated: finished final uploads have their own copy of its bytes.
    """
    record = plan_inspect(upload, limits=limits, now=now)
    if record.done and record.kind is not Kind.PARTIAL and not limits.terminates_finished:
        raise Forbidden("a finished upload can't be deleted by clients here")
    return end(record, reason)


def touch(upload: Upload, now: float, limits: Limits) -> Upload:
    """Return the upload as changed at `now`, and with a new expiry. No other function sets the time of expiry.

    The retention of finished uploads doesn't apply to partial ones, which only serve final ones.
    """
    expires_at = min(_expiry_times(upload, now, limits), default=None)
    return copy_with(upload, times=replace(upload.times, updated_at=now, expires_at=expires_at))


def _expiry_times(upload: Upload, now: float, limits: Limits) -> Iterator[float]:
    if upload.phase is Phase.GONE:
        yield now + _REMEMBER_GONE
    elif upload.done and upload.kind is not Kind.PARTIAL:
        yield from () if limits.retention is None else (now + limits.retention,)
    else:
        active_at = upload.times.created_at if upload.awaited else now  # this server doesn't see its bytes arrive
        yield from () if limits.expire_after is None else (active_at + limits.expire_after,)
        yield from () if limits.max_age is None else (upload.times.created_at + limits.max_age,)


def resolve_partial(url: str, base_path: str, endpoint: str = "") -> UploadId | None:
    """Return the upload id in an absolute URL, an absolute path or a bare id that a client sent; None for anything
    else.

    Scheme, host and the path before `base_path` are ignored: proxies change them. The path may also be that of
    `endpoint` (`Create.endpoint`).
    """
    if "/" not in url:
        return parse_upload_id(url)
    parent, slash, name = _path(url).rpartition("/")
    path = parent + slash
    return parse_upload_id(name) if path.endswith(base_path) or path == _path(endpoint) else None


def named_partial(url: str, base_path: str, endpoint: str) -> str | None:
    """Return the name of an upload (`Upload.name`) in a URL, a path or a bare name (one without slashes) that a
    client sent; None for anything else.

    The name is all that follows the path of `endpoint` (`Create.endpoint`), else all that follows the first
    `base_path`: the last segment alone could be the name of another upload.
    """
    name = url if "/" not in url else _below(_path(endpoint), _path(url)) or _path(url).partition(base_path)[2]
    return name if is_name(name) else None


def _below(parent: str, path: str) -> str:
    """Return the rest of a path after `parent`; empty if the path isn't below it, or `parent` is empty."""
    return path.removeprefix(parent) if parent and path.startswith(parent) else ""


def _path(url: str) -> str:
    """Return the absolute path of a URL; empty if it has none, or the URL is malformed."""
    try:
        path = urlsplit(url).path if url.isprintable() else ""  # urlsplit would remove tabs
    except ValueError:
        return ""
    return path if path.startswith("/") else ""


def check_uses(partials: Sequence[UploadId | None], limits: Limits) -> None:
    """Raise Malformed if a final upload names the same partial upload more than `Limits.max_partial_uses` times, as
    its bytes are copied each time. A None in `partials` names no upload and isn't counted.
    """
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
    """Raise AlreadyComplete for an append to a done upload, unless the append's completion is WHEN_FULL (tus, and in
    early IETF drafts a request that says that more is to come), or the append only completes the upload again, with a
    body that is empty or of unknown length.
    """
    if upload.done and intent.completion is not Completion.WHEN_FULL:
        again = intent.completion is Completion.WITH_THIS and not intent.body.length
        if not again:
            raise AlreadyComplete


def _request_digest(upload: Upload, whole: WholeDigest | None) -> Upload:
    """Return the upload with the digest to compute: the first that its client asks for before the upload is done.
    `whole` is the digest that this request asks for; None if it asks for none."""
    if whole is None or upload.digest is not None or upload.done:
        return upload
    return copy_with(upload, digest=WholeDigest(algorithm=whole.algorithm))
