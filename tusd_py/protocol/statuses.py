"""The HTTP status and header fields of each refusal; a protocol may replace some."""

from __future__ import annotations

from collections.abc import Mapping

from tusd_py.domain import (
    access_refusals,
    form_refusals,
    hook_refusals,
    job_faults,
    live_refusals,
    refusals,
    scan_refusals,
)
from tusd_py.domain.refusals import Refusal

STATUS: Mapping[type[Refusal], int] = {
    refusals.Malformed: 400,
    job_faults.BadJob: 400,
    job_faults.BadExport: 400,
    refusals.InconsistentLength: 400,
    refusals.BadQuery: 400,
    hook_refusals.HookRejected: 400,
    hook_refusals.UploadRejected: 400,
    hook_refusals.TerminationRejected: 400,
    hook_refusals.UploadStopped: 400,
    refusals.AlreadyComplete: 400,
    refusals.UnsupportedExtension: 400,
    refusals.ChecksumMismatch: 400,
    refusals.DigestMismatch: 400,
    refusals.WrongParts: 400,
    form_refusals.BadForm: 400,
    form_refusals.BadField: 400,
    form_refusals.NoFile: 400,
    form_refusals.FieldsAfterFile: 400,
    form_refusals.TooManyFields: 400,
    form_refusals.FieldsTooLarge: 400,
    form_refusals.TooManyFiles: 400,
    access_refusals.Unauthenticated: 401,
    hook_refusals.AccessRejected: 403,
    refusals.Forbidden: 403,
    live_refusals.ForeignOrigin: 403,
    live_refusals.TerminationDisabled: 403,
    access_refusals.BadToken: 403,
    refusals.CrossSite: 403,
    access_refusals.InsufficientScope: 403,
    access_refusals.TokenUsedUp: 403,
    refusals.UploadNotFound: 404,
    job_faults.JobNotFound: 404,
    refusals.NotReady: 404,  # the URL has no current representation yet (RFC 9110, 15.5.5); 409 is for offsets alone
    refusals.MethodNotAllowed: 405,
    refusals.OffsetMismatch: 409,
    job_faults.NotFinished: 409,
    job_faults.JobEnded: 409,
    refusals.NameTaken: 409,
    refusals.UploadGone: 410,
    refusals.UnsupportedVersion: 412,
    refusals.Misdirected: 421,
    refusals.TooLarge: 413,
    access_refusals.OverQuota: 413,
    refusals.WrongContentType: 415,
    refusals.TypeNotAllowed: 415,
    refusals.ExpectationFailed: 417,
    scan_refusals.ScanRejected: 422,
    scan_refusals.Infected: 422,
    scan_refusals.Unscanned: 422,
    refusals.UploadLocked: 423,
    refusals.Paused: 423,
    live_refusals.UpgradeRequired: 426,
    refusals.TooManyRequests: 429,
    live_refusals.TooManyListeners: 429,
    refusals.UnsupportedCoding: 501,
    refusals.ServiceUnavailable: 503,
    refusals.StoreFull: 503,
    refusals.TooManyUploads: 503,
    live_refusals.ListenersFull: 503,
    access_refusals.AuthUnavailable: 503,
    hook_refusals.HookFailed: 503,
    scan_refusals.ScannerUnavailable: 503,
}


def details(refusal: Refusal) -> Mapping[str, str]:
    """Return the header fields of a refusal, such as Allow or Retry-After. Only an offset mismatch has Upload-Offset,
    the offset of the record: TUSKit takes any answer with that field for progress."""
    match refusal:
        case refusals.MethodNotAllowed():
            return {"Allow": ", ".join(refusal.allow)}
        case live_refusals.UpgradeRequired():
            return {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        case access_refusals.Unauthenticated():
            return {"WWW-Authenticate": refusal.challenge}
        case refusals.OffsetMismatch():
            return {"Upload-Offset": str(refusal.expected)}
        case _:
            return {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
