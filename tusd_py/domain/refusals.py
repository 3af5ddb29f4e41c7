"""The reasons to refuse a request, as types. Each protocol gives a refusal a status and headers. An upload keeps its
recorded bytes, unless the type says that it has ended; one whose creation is refused before its client knows its URL is
ended.

The message is for the person who reads the response: short, true, without internals.
"""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):
    """The server doesn't serve the request as it is. Clients may match on `code`, which never changes."""

    code: ClassVar[str] = "refused"
    retry_after: int | None = None
    """Seconds after which the client should retry (Retry-After); None if the server names no time."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Malformed(Refusal):
    """A header, parameter or body is missing, doesn't follow its grammar, is too long, isn't taken with this request,
    or contradicts another one or the upload's record; or a final upload can't be made of the partial uploads named."""

    code = "malformed"


class BadQuery(Refusal):
    """A value in the URL's query, or in Last-Event-ID, can't be read, or doesn't go with another one."""

    code = "bad-query"


class UnsupportedVersion(Refusal):
    """Tus-Resumable is missing, or names a version that the server doesn't serve."""

    code = "unsupported-version"

    def __init__(self) -> None:
        super().__init__("this server speaks tus 1.0.0: send Tus-Resumable: 1.0.0")


class UnsupportedExtension(Refusal):
    """The request uses a protocol extension that the settings switch off, or a direct upload or presigned download from
    a storage that clients can't reach."""

    code = "unsupported-extension"


class WrongContentType(Refusal):
    """The body has no Content-Type, though this request needs one, or has a Content-Type or Content-Encoding that this
    request can't have."""

    code = "wrong-content-type"


class TypeNotAllowed(Refusal):
    """The type or the name that the client declares isn't allowed, or is missing, or the first bytes aren't of an
    allowed type, or are too few to tell their type."""

    code = "type-not-allowed"


class UploadNotFound(Refusal):
    """The caller has no such upload: it never existed, has ended, belongs to another owner, or isn't one that this
    request is for, as HEAD isn't for an unfinished direct upload. Or the server doesn't serve the path, as that of a
    feature that is switched off."""

    code = "not-found"

    def __init__(self) -> None:
        super().__init__("there is no such upload")


class UploadGone(Refusal):
    """The upload existed, and has ended or expired. With the setting `gone-status` 410, it takes the place of
    UploadNotFound for such an upload, while its record is kept."""

    code = "gone"

    def __init__(self) -> None:
        super().__init__("the upload has expired or was terminated")


class MethodNotAllowed(Refusal):
    """The URL doesn't take the method. `allow` lists the methods that it takes."""

    code = "method-not-allowed"

    def __init__(self, allow: tuple[str, ...]) -> None:
        super().__init__(f"allowed here: {', '.join(allow)}")
        self.allow = allow


class Forbidden(Refusal):
    """The request isn't allowed, and won't be if it is repeated: an append to a final upload, for example."""

    code = "forbidden"


class CrossSite(Refusal):
    """A form of the dashboard was sent by a page of another origin or site."""

    code = "cross-site"

    def __init__(self) -> None:
        super().__init__("pages of other sites can't change anything here")


class Misdirected(Refusal):
    """The request's Host isn't one that this server serves."""

    code = "misdirected"

    def __init__(self) -> None:
        super().__init__("this server doesn't answer to that host name")


class UnsupportedCoding(Refusal):
    """The body has a transfer coding that the server can't decode (RFC 9112, 6.1)."""

    code = "unsupported-coding"

    def __init__(self) -> None:
        super().__init__("the only Transfer-Encoding served is chunked; send the bytes unencoded")


class OffsetMismatch(Refusal):
    """The request's offset (`provided`) isn't the upload's (`expected`)."""

    code = "offset-mismatch"

    def __init__(self, *, expected: int, provided: int) -> None:
        super().__init__(f"the upload is at offset {expected}, not {provided}")
        self.expected, self.provided = expected, provided


class TooLarge(Refusal):
    """The upload or the body has more bytes than a limit or the declared length allows. The upload has ended if the
    bytes came with its creation, or are parts that a client sent straight to the storage and asks to complete."""

    code = "too-large"


class ChecksumMismatch(Refusal):
    """The body doesn't have the announced checksum, or is incomplete; none of its bytes are kept."""

    code = "checksum-mismatch"

    def __init__(self) -> None:
        super().__init__("the bytes received don't have the announced checksum; none were kept")


class InconsistentLength(Refusal):
    """The request declares or sends another length than the upload's, or declares two lengths that differ. If the body
    had too many bytes, the upload has ended or wasn't created."""

    code = "inconsistent-length"


class AlreadyComplete(Refusal):
    """The upload is complete and takes nothing more."""

    code = "already-complete"

    def __init__(self) -> None:
        super().__init__("the upload is complete and takes nothing more")


class DigestMismatch(Refusal):
    """The bytes of the whole upload don't have the digest that its client announced. The upload has ended."""

    code = "digest-mismatch"

    def __init__(self) -> None:
        super().__init__("the whole upload doesn't have the announced digest; it was removed")


class WrongParts(Refusal):
    """The parts that the client of a direct upload lists aren't those stored, or can't make up the upload; or the
    upload can't have the part that the client asks to send."""

    code = "wrong-parts"


class UploadLocked(Refusal):
    """Another request, a sweep or a command holds or wants the upload's lock, or has changed its record; a scan or a
    hook still decides about it, or its object isn't made yet; or, in tus, the server can't answer a HEAD now. The
    client should retry."""

    code = "locked"
    retry_after = 1

    def __init__(self, message: str = "the upload is busy; ask again in a moment") -> None:
        super().__init__(message)


class Paused(Refusal):
    """A client has paused the upload: it takes no bytes for now."""

    code = "paused"
    retry_after = 5

    def __init__(self) -> None:
        super().__init__("the upload is paused; go on once it is resumed")


class NotReady(Refusal):
    """The upload that the client wants to download isn't finished."""

    code = "not-finished"

    def __init__(self) -> None:
        super().__init__("the upload is not finished")


class ExpectationFailed(Refusal):
    """The request has an Expect other than 100-continue (RFC 9110, 10.1.1)."""

    code = "expectation-failed"

    def __init__(self) -> None:
        super().__init__("the only expectation served is 100-continue")


class TooManyRequests(Refusal):
    """One client address sends too many requests at a time, or one client address or account creates uploads too often
    (RFC 6585, 4)."""

    code = "too-many-requests"

    def __init__(
        self, message: str = "too many requests at a time from your address; try again soon", *, retry_after: int = 5
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServiceUnavailable(Refusal):
    """The server can't serve the request now, as the storage or the state store fails, for example. All acknowledged
    bytes and changes are kept."""

    code = "unavailable"
    retry_after = 5

    def __init__(self, message: str = "the server can't store right now; try again soon") -> None:
        super().__init__(message)


class StoreFull(ServiceUnavailable):
    """Little space is left in the storage or the state store: the server keeps it for removing uploads and finishing
    existing ones."""

    code = "store-full"
    retry_after = 30

    def __init__(self) -> None:
        super().__init__("the server has no room for new bytes; try again later")


class TooManyUploads(ServiceUnavailable):
    """The server has as many unfinished uploads as the settings allow, or these would claim more bytes than the
    settings allow."""

    code = "too-many-uploads"
    retry_after = 30


class NameTaken(Refusal):
    """Another upload has the name or the object key, the storage has something else at the object's place, or a route
    of the server's own hides the name's URL."""

    code = "name-taken"

    def __init__(self) -> None:
        super().__init__("that name is taken: choose another one")
