"""Errors translated into refusals."""

from __future__ import annotations

from aiohttp import web

from tusd_py.domain import refusals
from tusd_py.domain.errors import Locked, StateFull, StorageFull, Superseded, Unavailable, UploadLost, UploadSpoiled
from tusd_py.domain.refusals import Refusal
from tusd_py.http.context import CODE, Context


def record_refusal(request: web.Request, context: Context, error: Exception) -> Refusal:
    """Return the refusal of `error`, counted and kept for the audit. Raises `error` itself if there is none."""
    refusal = refusal_of(context, error)
    context.metrics.failed(refusal.code)
    request[CODE] = refusal.code
    return refusal


def refusal_of(context: Context, error: Exception) -> Refusal:
    """Return the refusal of `error`, which tells nothing internal. Raises `error` itself if there is none.

    A refusal loses its traceback: its frames hold all that the request brought, and the caller's frame would hold the
    refusal, a cycle that is collected much later.
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
