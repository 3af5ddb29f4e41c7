"""What went wrong, in the client's terms."""

from __future__ import annotations

from aiohttp import web

from tusd_py.domain import refusals
from tusd_py.domain.errors import Locked, StateFull, StorageFull, Superseded, Unavailable, UploadLost, UploadSpoiled
from tusd_py.domain.refusals import Refusal
from tusd_py.http.context import CODE, Context


def refused(request: web.Request, context: Context, error: Exception) -> Refusal:
    """What to answer; counted, and remembered for the audit. Raises what isn't ours to explain."""
    refusal = refusal_of(context, error)
    context.metrics.failed(refusal.code)
    request[CODE] = refusal.code
    return refusal


def refusal_of(context: Context, error: Exception) -> Refusal:
    """Nothing internal gets out. Raises what isn't ours to explain.

    Without its traceback: its frames hold all that the request brought, and that of the caller would hold the refusal,
    a cycle that is collected much later.
    """
    match error:
        case Refusal():
            return error.with_traceback(None)
        case Locked() | Superseded():
            return refusals.UploadLocked()
        case UploadSpoiled():
            return refusals.DigestMismatch()
        case UploadLost():
            return refusals.UploadGone() if context.engine.limits.gone else refusals.UploadNotFound()
        case Unavailable():
            context.engine.observer.trouble("unavailable", reason=str(error))
            full = isinstance(error, StateFull | StorageFull)
            return refusals.StoreFull() if full else refusals.ServiceUnavailable()
    raise error
