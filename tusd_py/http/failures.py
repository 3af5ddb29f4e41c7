"""The translation of errors into refusals, which each protocol can answer with."""

from __future__ import annotations

from aiohttp import web

from tusd_py.domain import refusals
from tusd_py.domain.errors import Locked, StateFull, StorageFull, Superseded, Unavailable, UploadLost, UploadSpoiled
from tusd_py.domain.refusals import Refusal
from tusd_py.http.context import CODE, Context


def record_refusal(request: web.Request, context: Context, error: Exception) -> Refusal:
    """Return the refusal that answers `error`, after it was counted in metrics and its code kept in the request for the
    audit. Raises `error` itself if it is none of the expected kinds (`refusal_of`)."""
    refusal = refusal_of(context, error)
    context.metrics.failed(refusal.code)
    request[CODE] = refusal.code
    return refusal


def refusal_of(context: Context, error: Exception) -> Refusal:
    """Return the refusal that answers `error`: a Refusal itself, or one without internal details for Locked,
    Superseded, UploadSpoiled, UploadLost and Unavailable. Unavailable is also reported to the observer. Raises any
    other `error` itself.

    A refusal loses its traceback: the frames hold all data of the request, and the caller's frame would hold the
    refusal, a cycle that is garbage-collected much later.
    """
    match error:
        case Refusal():
            return error.with_traceback(None)
        case Locked() | Superseded():
            return refusals.UploadLocked()
        case UploadSpoiled():
            return refusals.DigestMismatch()
        case UploadLost():
            return refusals.UploadGone() if context.engine.limits.answers_gone else refusals.UploadNotFound()
        case Unavailable():
            context.engine.observer.trouble("unavailable", reason=str(error))
            full = isinstance(error, StateFull | StorageFull)
            return refusals.StoreFull() if full else refusals.ServiceUnavailable()
    raise error
