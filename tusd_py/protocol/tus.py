"""The protocol tus 1.0, with creation, expiration, checksum, termination and concatenation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tusd_py.domain import refusals
from tusd_py.domain.intents import Append, Body, Create, Inspect, Intent, Terminate
from tusd_py.domain.limits import Limits
from tusd_py.domain.numbers import parse_integer
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import Malformed, Refusal
from tusd_py.domain.upload import Kind, Upload
from tusd_py.protocol import headers
from tusd_py.protocol.methods import upload_methods
from tusd_py.protocol.statuses import STATUS, details
from tusd_py.protocol.wire import Reply, RequestHead

VERSION = "1.0.0"
CONTENT_TYPE = "application/offset+octet-stream"

_STATUS: Mapping[type[Refusal], int] = {**STATUS, refusals.ChecksumMismatch: 460, refusals.DigestMismatch: 460}


class Tus:
    """The wire of tus 1.0."""

    common_headers: Mapping[str, str] = {"Tus-Resumable": VERSION}
    answers_interrupted = True
    inspects_by_get = False
    shows_content = False
    locates_appended = False

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def read(self, head: RequestHead) -> Intent:
        reader = _READERS.get(head.method)
        allow = _allow(head, self._limits)
        if reader is None or head.method not in allow:
            raise refusals.MethodNotAllowed(allow)
        if not _is_understood(head):
            raise refusals.UnsupportedVersion
        return reader(head, self._limits)

    def discover(self) -> Reply:
        """Return the reply to OPTIONS, with the server's capabilities: the only reply without Tus-Resumable."""
        fields = {
            "Cache-Control": "no-store",
            "Tus-Version": VERSION,
            "Tus-Extension": ",".join(_extensions(self._limits)),
            "Tus-Checksum-Algorithm": ",".join(headers.CHECKSUM_ALGORITHMS),
            "Tus-Max-Size": _text(self._limits.announced_max_length),
        }
        return Reply(status=204, headers=_present(fields))

    def created(self, upload: Upload, location: str, *, with_body: bool) -> Reply:
        offset = upload.offset if with_body else None
        return _reply(201, {"Location": location, "Upload-Offset": _text(offset), "Upload-Expires": _expires(upload)})

    def inspected(self, upload: Upload, base_path: str) -> Reply:
        """Return the reply to HEAD. The upload must not be full without being done: its offset would tell the client
        that it is complete.

        `base_path` is the creation endpoint's path as the request has it, with a slash at its end.
        """
        fields = {
            "Upload-Offset": _text(_visible_offset(upload)),
            "Upload-Length": _text(upload.settled_length),
            "Upload-Defer-Length": "1" if upload.settled_length is None else None,
            "Upload-Metadata": headers.encode_metadata(upload.metadata) or None,
            "Upload-Concat": _concat(upload, base_path),
            "Upload-Expires": _expires(upload),
        }
        return _reply(200, fields)

    def download_fields(self, upload: Upload) -> Mapping[str, str]:  # noqa: ARG002  a download is plain HTTP
        return {}

    def started(self, upload: Upload, location: str) -> Reply | None:  # noqa: ARG002  tus has no interim responses
        return None

    def progressed(self, upload: Upload) -> Reply | None:  # noqa: ARG002  tus has no interim responses
        return None

    def appended(self, upload: Upload, locate: Callable[[], str]) -> Reply:  # noqa: ARG002  the client knows the URL
        return _reply(204, {"Upload-Offset": str(upload.offset), "Upload-Expires": _expires(upload)})

    def terminated(self) -> Reply:
        return _reply(204, {})

    def refuse(self, refusal: Refusal, head: RequestHead) -> Reply:
        if head.method == "HEAD":
            return _refuse_head(refusal)
        return _reply(_STATUS[type(refusal)], _details(refusal), f"{refusal.code}: {refusal.message}\n")


def _is_understood(head: RequestHead) -> bool:
    """Return True if Tus-Resumable names the known version, or doesn't matter: it may be missing from a DELETE, and is
    ignored in a HEAD, as these methods mean the same in tus and in Resumable Uploads for HTTP."""
    version = head.headers.get("Tus-Resumable")
    return version == VERSION or head.method == "HEAD" or (version is None and head.method == "DELETE")


def _allow(head: RequestHead, limits: Limits) -> tuple[str, ...]:
    if not head.on_upload:
        return ("POST", "OPTIONS")
    return upload_methods(limits)


def _extensions(limits: Limits) -> tuple[str, ...]:
    extensions = {
        "creation": True,
        "creation-with-upload": True,
        "creation-defer-length": True,
        "expiration": limits.expire_after is not None,
        "checksum": True,
        "termination": limits.termination,
        "concatenation": limits.concatenation,
    }
    return tuple(name for name, enabled in extensions.items() if enabled)


# Heads to intents


def _read_create(head: RequestHead, limits: Limits) -> Create:
    kind, partials = _read_concat(head, limits)
    metadata = headers.parse_metadata(head.headers.get("Upload-Metadata", ""), limits)
    if kind is Kind.FINAL:
        _check_bare(head)
        return Create(kind=kind, partials=partials, metadata=metadata)
    length = headers.parse_length(head.headers.get("Upload-Length"), head.headers.get("Upload-Defer-Length"))
    return Create(kind=kind, length=length, metadata=metadata, body=_read_first_body(head))


def _read_concat(head: RequestHead, limits: Limits) -> tuple[Kind, tuple[str, ...]]:
    concat = head.headers.get("Upload-Concat")
    if concat is None:
        return Kind.REGULAR, ()
    if not limits.concatenation:
        raise refusals.UnsupportedExtension("concatenation is switched off here")
    return headers.parse_concat(concat, limits)


def _check_bare(head: RequestHead) -> None:
    """Raise Malformed if a request to create a final upload has a length or a body: both follow from its partials
    (tus 1.0, Concatenation)."""
    if "Upload-Length" in head.headers or "Upload-Defer-Length" in head.headers:
        raise Malformed("the length of a final upload follows from its partials: send none")
    if head.content_length != 0:
        raise Malformed("a final upload is made of its partials: send no body")


def _read_first_body(head: RequestHead) -> Body | None:
    """Return the body of a creation; None if the request has no body, or one of Content-Length 0: header fields that
    describe bytes, which some clients' libraries add, are then ignored. Raises WrongContentType, Malformed."""
    return None if head.content_length == 0 else _read_body(head)


def _read_append(head: RequestHead, _limits: Limits) -> Append:
    length = head.headers.get("Upload-Length")
    return Append(
        body=_read_body(head),
        offset=parse_integer("Upload-Offset", head.headers.get("Upload-Offset")),
        length=None if length is None else parse_integer("Upload-Length", length),
    )


def _read_body(head: RequestHead) -> Body:
    if not headers.is_media_type(head.headers.get("Content-Type"), CONTENT_TYPE):
        raise refusals.WrongContentType(f"send the bytes as {CONTENT_TYPE}")
    if head.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise refusals.WrongContentType("send the bytes as they are, without Content-Encoding")
    checksum = head.headers.get("Upload-Checksum")
    return Body(length=head.content_length, checksum=None if checksum is None else headers.parse_checksum(checksum))


_READERS: Mapping[str, Callable[[RequestHead, Limits], Intent]] = {
    "POST": _read_create,
    "HEAD": lambda _head, _limits: Inspect(),
    "PATCH": _read_append,
    "DELETE": lambda _head, _limits: Terminate(),
}


# Responses


def _reply(status: int, fields: Mapping[str, str | None], text: str | None = None) -> Reply:
    always = {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}
    return Reply(status=status, headers=always | _present(fields), text=text)


def _present(fields: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value is not None}


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _visible_offset(upload: Upload) -> int | None:
    """Return the upload's offset; None for a final upload that isn't made yet (tus 1.0, Concatenation, HEAD)."""
    return None if upload.kind is Kind.FINAL and not upload.done else upload.offset


def _expires(upload: Upload) -> str | None:
    """Return Upload-Expires of an open upload; None for any other, or if it doesn't expire (tus 1.0,
    Upload-Expires)."""
    if upload.phase is not Phase.OPEN or upload.times.expires_at is None:
        return None
    return headers.http_date(upload.times.expires_at)


def _concat(upload: Upload, base_path: str) -> str | None:
    match upload.kind:
        case Kind.REGULAR:
            return None
        case Kind.PARTIAL:
            return "partial"
        case Kind.FINAL:
            return headers.encode_final(base_path + partial for partial in upload.partials)


def _refuse_head(refusal: Refusal) -> Reply:
    """Return the reply to a refused HEAD, without a body. It is 423 in place of 503: tus-js-client starts from byte 0
    after each failed HEAD but a 423."""
    if isinstance(refusal, refusals.ServiceUnavailable):
        refusal = refusals.UploadLocked()
    return _reply(_STATUS[type(refusal)], _details(refusal))


def _details(refusal: Refusal) -> Mapping[str, str]:
    return {"Tus-Version": VERSION} if isinstance(refusal, refusals.UnsupportedVersion) else details(refusal)
