"""Heads of plain requests to intents."""

from __future__ import annotations

from tusd_py.domain.intents import Body, Completion, Create
from tusd_py.domain.lengths import check_metadata
from tusd_py.domain.limits import Limits
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.refusals import Malformed, TooLarge, WrongContentType
from tusd_py.protocol.headers import is_media_type
from tusd_py.protocol.plain.names import name_in_disposition, name_in_segment
from tusd_py.protocol.wire import RequestHead

FORM = "multipart/form-data"
_URLENCODED = "application/x-www-form-urlencoded"
_CREDENTIAL = "upload-token"
"""A field that belongs to no protocol for uploads, though it begins like those that do."""
_ENVELOPE = 64 * 1024
"""Bytes of a form that are allowed for what isn't a file's."""


def is_plain(head: RequestHead) -> bool:
    """Return True for a request that may create an upload, and has no field of the protocols for uploads."""
    names = {name.lower() for name in head.headers}
    if "tus-resumable" in names or any(name.startswith("upload-") for name in names - {_CREDENTIAL}):
        return False
    return head.method == "PUT" or (head.method == "POST" and not head.on_upload)


def is_form(head: RequestHead) -> bool:
    """Return True for a form with files."""
    return head.method == "POST" and is_media_type(head.headers.get("Content-Type"), FORM)


def read_put(head: RequestHead, segment: str, limits: Limits) -> Create:
    """Return the intent of a PUT to the last segment of a path, percent-encoded. Raises Malformed."""
    if "Content-Range" in head.headers:
        raise Malformed("PUT takes whole files: send no Content-Range, or use a protocol that resumes")
    return _create(head, name_in_segment(segment), limits)


def read_post(head: RequestHead, limits: Limits) -> Create:
    """Return the intent of a POST of bytes. Raises WrongContentType, Malformed."""
    if is_media_type(head.headers.get("Content-Type"), _URLENCODED):
        raise WrongContentType(f"send a form with files as {FORM}, and bytes as another type")
    name = name_in_disposition(head.headers.get("Content-Disposition", ""))
    return _create(head, name.encode("utf-8", "surrogateescape"), limits)


def check_form(head: RequestHead, limits: Limits) -> None:
    """Check a form before a byte of it is read. Raises WrongContentType, TooLarge."""
    if head.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise WrongContentType("send the form as it is, without Content-Encoding")
    largest = limits.announced_max_length
    if largest is not None and head.content_length is not None and head.content_length - _ENVELOPE > largest:
        raise TooLarge(f"a form can have {largest} bytes of files at most")


def _create(head: RequestHead, name: bytes, limits: Limits) -> Create:
    metadata = _metadata(head, name)
    check_metadata(metadata, limits)
    return Create(metadata=metadata, body=Body(length=head.content_length), completion=Completion.WITH_THIS)


def _metadata(head: RequestHead, name: bytes) -> Metadata:
    """Return the metadata under the keys of tus clients. curl declares its own type for any bytes, which is none."""
    kind, coding = head.headers.get("Content-Type", ""), head.headers.get("Content-Encoding", "identity")
    metadata = {
        "filename": name,
        "filetype": b"" if is_media_type(kind, _URLENCODED) else kind.encode("utf-8", "surrogateescape"),
        "contentencoding": b"" if coding.lower() == "identity" else coding.encode("utf-8", "surrogateescape"),
    }
    return {key: value for key, value in metadata.items() if value}
