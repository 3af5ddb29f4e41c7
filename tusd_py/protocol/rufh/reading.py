"""The reading of requests in Resumable Uploads for HTTP: heads to intents. A field of the protocol that doesn't follow
its grammar is read as missing (IETF, 4.1), so that a request which needs the field is refused; a request with a digest
or an Upload-Metadata that can't be read is refused, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tusd_py.domain.intents import Append, Body, Completion, Create, Inspect, Intent, Terminate
from tusd_py.domain.limits import Limits
from tusd_py.domain.refusals import InconsistentLength, Malformed, MethodNotAllowed, WrongContentType
from tusd_py.protocol.headers import is_media_type
from tusd_py.protocol.methods import upload_methods
from tusd_py.protocol.rufh.representation import announced_digest, content_digest, metadata_of, requested_digest
from tusd_py.protocol.rufh.versions import PARTIAL_UPLOAD, Version
from tusd_py.protocol.structured import parse_boolean, parse_integer
from tusd_py.protocol.wire import RequestHead

_STATE_FIELDS = ("Upload-Offset", "Upload-Complete", "Upload-Incomplete")


def read(head: RequestHead, version: Version, limits: Limits) -> Intent:
    """Return the intent of the request. Raises Refusal."""
    allow = upload_methods(limits) if head.on_upload else ("POST", "PUT", "OPTIONS")
    reader = (_ON_UPLOAD if head.on_upload else _ON_ENDPOINT).get(head.method)
    if reader is None or head.method not in allow:
        raise MethodNotAllowed(allow)
    return reader(head, version, limits)


def completes(head: RequestHead, version: Version) -> bool | None:
    """Return True if the request declares its content to be the end of the upload, False if it declares that more is to
    come, None if it declares neither."""
    if not version.inverted:
        return parse_boolean(head.headers.get("Upload-Complete"))
    incomplete = parse_boolean(head.headers.get("Upload-Incomplete"))
    return None if incomplete is None else not incomplete


def _read_create(head: RequestHead, version: Version, limits: Limits) -> Create:
    completion, body = _completion(head, version), _body(head)
    length = parse_integer(head.headers.get("Upload-Length"))
    if length is not None and (head.content_length or 0) > length:
        raise InconsistentLength("the content is longer than the upload's declared length")
    empty = completion is not Completion.WITH_THIS and body.length == 0 and body.checksum is None
    return Create(
        length=length,
        metadata=metadata_of(head.headers, limits),
        body=None if empty else body,
        completion=completion,
        whole=announced_digest(head.headers) or requested_digest(head.headers),
        strict=True,
    )


def _read_append(head: RequestHead, version: Version, _limits: Limits) -> Append:
    if version.typed and not is_media_type(head.headers.get("Content-Type"), PARTIAL_UPLOAD):
        raise WrongContentType(f"send the bytes as {PARTIAL_UPLOAD}")
    if head.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise WrongContentType("send the bytes as they are, without another Content-Encoding than the upload's own")
    offset = parse_integer(head.headers.get("Upload-Offset"))
    if offset is None:
        raise Malformed("Upload-Offset is missing, or is no non-negative integer")
    return Append(
        offset=offset,
        length=parse_integer(head.headers.get("Upload-Length")),
        body=_body(head),
        completion=_completion(head, version),
        whole=requested_digest(head.headers),
        strict=True,
    )


def _completion(head: RequestHead, version: Version) -> Completion:
    match completes(head, version):
        case True:
            return Completion.WITH_THIS
        case False:
            return Completion.WHEN_FULL if version.when_full else Completion.NOT_YET
    name = "Upload-Incomplete" if version.inverted else "Upload-Complete"
    raise Malformed(f"{name} is missing, or neither ?0 nor ?1")


def _body(head: RequestHead) -> Body:
    return Body(length=head.content_length, checksum=content_digest(head.headers))


def _check_bare(head: RequestHead, version: Version) -> None:
    if version.bare and any(name in head.headers for name in _STATE_FIELDS):
        raise Malformed(f"{head.method} takes none of {', '.join(_STATE_FIELDS)}")


def _read_inspect(head: RequestHead, version: Version, _limits: Limits) -> Inspect:
    _check_bare(head, version)
    return Inspect()


def _read_terminate(head: RequestHead, version: Version, _limits: Limits) -> Terminate:
    _check_bare(head, version)
    return Terminate()


Reader = Callable[[RequestHead, Version, Limits], Intent]

_ON_ENDPOINT: Mapping[str, Reader] = {"POST": _read_create, "PUT": _read_create}
_ON_UPLOAD: Mapping[str, Reader] = {
    "HEAD": _read_inspect,
    "GET": _read_inspect,
    "PATCH": _read_append,
    "DELETE": _read_terminate,
}
