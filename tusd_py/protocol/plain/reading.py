"""The reading of plain requests: heads to intents."""

from __future__ import annotations

from tusd_py.domain.intents import Body, Completion, Create
from tusd_py.domain.limits import Limits
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.refusals import Malformed, TooLarge, WrongContentType
from tusd_py.protocol.headers import is_media_type
from tusd_py.protocol.plain.names import name_in_disposition, name_in_segment
from tusd_py.protocol.wire import RequestHead

FORM = "multipart/form-data"
_URLENCODED = "application/x-www-form-urlencoded"
_CREDENTIAL = "upload-token"
"""The header field, in lower case, that begins like those of the upload protocols, but belongs to none of them."""
_ENVELOPE = 64 * 1024
"""Bytes that `check_form` allows a form in addition to the content of its files: for boundaries, heads of parts, and
fields."""


def is_plain(head: RequestHead) -> bool:
    """Return True for a PUT, or a POST to the creation endpoint, that has neither Tus-Resumable nor a header field
    whose name begins with `Upload-`, other than Upload-Token."""
    names = {name.lower() for name in head.headers}
    if "tus-resumable" in names or any(name.startswith("upload-") for name in names - {_CREDENTIAL}):
        return False
    return head.method == "PUT" or (head.method == "POST" and not head.on_upload)


def is_form(head: RequestHead) -> bool:
    """Return True for a POST of multipart/form-data."""
    return head.method == "POST" and is_media_type(head.headers.get("Content-Type"), FORM)


def read_put(head: RequestHead, segment: str) -> Create:
    """Return the intent of a PUT of a file to a path with this last segment, percent-encoded, which names the file.
    Raises Malformed."""
    if "Content-Range" in head.headers:
        raise Malformed("PUT takes whole files: send no Content-Range, or use a protocol that resumes")
    return _create(head, name_in_segment(segment))


def read_post(head: RequestHead) -> Create:
    """Return the intent of a POST whose body is a file, named by Content-Disposition. Raises
    WrongContentType for a urlencoded form."""
    if is_media_type(head.headers.get("Content-Type"), _URLENCODED):
        raise WrongContentType(f"send a form with files as {FORM}, and bytes as another type")
    name = name_in_disposition(head.headers.get("Content-Disposition", ""))
    return _create(head, name.encode("utf-8", "surrogateescape"))


def check_form(head: RequestHead, limits: Limits) -> None:
    """Raise WrongContentType if a form has a Content-Encoding other than `identity`, TooLarge if its Content-Length is
    more than 64 KiB above the most bytes of one upload (`Limits.announced_max_length`). The form need not have been
    read."""
    if head.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise WrongContentType("send the form as it is, without Content-Encoding")
    largest = limits.announced_max_length
    if largest is not None and head.content_length is not None and head.content_length - _ENVELOPE > largest:
        raise TooLarge(f"a form can have {largest} bytes of files at most")


def _create(head: RequestHead, name: bytes) -> Create:
    return create_whole(_metadata(head, name), head.content_length)


def create_whole(metadata: Metadata, length: int | None) -> Create:
    """Return the intent to create an upload whose bytes all come in one request. `length` is in bytes; None if the
    client doesn't declare it."""
    return Create(metadata=metadata, body=Body(length=length), completion=Completion.WITH_THIS, unresumable=True)


def _metadata(head: RequestHead, name: bytes) -> Metadata:
    """Return the metadata of the file: `filename` (which is `name`), `filetype` (Content-Type) and `contentencoding`
    (Content-Encoding other than `identity`), each only if it isn't empty. The type that curl declares by default,
    application/x-www-form-urlencoded, counts as none."""
    kind, coding = head.headers.get("Content-Type", ""), head.headers.get("Content-Encoding", "identity")
    metadata = {
        "filename": name,
        "filetype": b"" if is_media_type(kind, _URLENCODED) else kind.encode("utf-8", "surrogateescape"),
        "contentencoding": b"" if coding.lower() == "identity" else coding.encode("utf-8", "surrogateescape"),
    }
    return {key: value for key, value in metadata.items() if value}
