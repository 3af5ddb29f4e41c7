"""What went wrong, in the client's terms."""

from __future__ import annotations

from tusd_py.errors import Locked, StateFull, StorageFull, Superseded, Unavailable, UploadLost, UploadSpoiled
from tusd_py.http.context import Context
from tusd_py.protocol import refusals
from tusd_py.protocol.refusals import Refusal


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
            return refusals.UploadGone() if context.ports.limits.gone else refusals.UploadNotFound()
        case Unavailable():
            context.ports.observer.trouble("unavailable", reason=str(error))
            full = isinstance(error, StateFull | StorageFull)
            return refusals.StoreFull() if full else refusals.ServiceUnavailable()
    raise error
