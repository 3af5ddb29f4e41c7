"""The reasons to refuse a request, as types. A refusal changes nothing; each protocol gives it a status and headers.

The message is for the person who reads the response: short, true, without internals.
"""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):
    """The request can't be served as it is. `code` is stable and safe to match on."""

    code: ClassVar[str] = "refused"
    retry_after: int | None = None
    """Seconds after which to retry; None if a retry makes no sense."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Malformed(Refusal):
    """A header or body that doesn't follow its grammar, or contradicts another one."""

    code = "malformed"


class BadQuery(Refusal):
    """A value in the URL's query that can't be read."""

    code = "bad-query"


class UnsupportedVersion(Refusal):
    """Tus-Resumable is missing, or isn't a version that is served."""

    code = "unsupported-version"

    def __init__(self) -> None:
        super().__init__("this server speaks tus 1.0.0: send Tus-Resumable: 1.0.0")


class UnsupportedExtension(Refusal):
    """The request uses a protocol extension that is switched off."""

    code = "unsupported-extension"


class WrongContentType(Refusal):
    """The body has another Content-Type than this request takes."""

    code = "wrong-content-type"


class TypeNotAllowed(Refusal):
    """The type or the name that the client declares isn't allowed, or is missing."""

    code = "type-not-allowed"


class UploadNotFound(Refusal):
    """There is no such upload: it never existed, has expired, or was terminated."""

    code = "not-found"

    def __init__(self) -> None:
        super().__init__("there is no such upload")


class UploadGone(Refusal):
    """The upload existed once; told from UploadNotFound only where a setting asks for it."""

    code = "gone"

    def __init__(self) -> None:
        super().__init__("the upload has expired or was terminated")


class MethodNotAllowed(Refusal):
    """The URL doesn't take the method. `allow` lists those that it takes."""

    code = "method-not-allowed"

    def __init__(self, allow: tuple[str, ...]) -> None:
        super().__init__(f"allowed here: {', '.join(allow)}")
        self.allow = allow


class Forbidden(Refusal):
    """The request is never allowed: an append to a final upload, for example."""

    code = "forbidden"


class CrossSite(Refusal):
    """The form was sent by a page of another site."""

    code = "cross-site"

    def __init__(self) -> None:
        super().__init__("pages of other sites can't change anything here")


class Misdirected(Refusal):
    """The request is for a host that this server doesn't serve."""

    code = "misdirected"

    def __init__(self) -> None:
        super().__init__("this server doesn't answer to that host name")


class UnsupportedCoding(Refusal):
    """The body has a transfer coding that the server can't decode (RFC 9112, 6.1)."""

    code = "unsupported-coding"

    def __init__(self) -> None:
        super().__init__("the only Transfer-Encoding served is chunked; send the bytes unencoded")


class OffsetMismatch(Refusal):
    """The request's offset isn't the upload's."""

    code = "offset-mismatch"

    def __init__(self, *, expected: int, provided: int) -> None:
        super().__init__(f"the upload is at offset {expected}, not {provided}")
        self.expected, self.provided = expected, provided


class TooLarge(Refusal):
    """The upload or the body has more bytes than a limit or the declared length allows."""

    code = "too-large"


class ChecksumMismatch(Refusal):
    """The body doesn't have the announced checksum, or is incomplete; none of its bytes are kept."""

    code = "checksum-mismatch"

    def __init__(self) -> None:
        super().__init__("the bytes received don't have the announced checksum; none were kept")


class InconsistentLength(Refusal):
    """The request declares or brings another length than the upload was declared to have."""

    code = "inconsistent-length"


class AlreadyComplete(Refusal):
    """The upload is complete and takes nothing more."""

    code = "already-complete"

    def __init__(self) -> None:
        super().__init__("the upload is complete and takes nothing more")


class DigestMismatch(Refusal):
    """The whole upload doesn't have its announced digest, and was removed."""

    code = "digest-mismatch"

    def __init__(self) -> None:
        super().__init__("the whole upload doesn't have the announced digest; it was removed")


class WrongParts(Refusal):
    """The parts that the client lists, or those stored, don't make the upload."""

    code = "wrong-parts"


class UploadLocked(Refusal):
    """Another request holds the upload's lock, or its record can't be read now: retry."""

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
    """The upload to download isn't finished."""

    code = "not-finished"

    def __init__(self) -> None:
        super().__init__("the upload is not finished")


class ExpectationFailed(Refusal):
    """The request has an Expect other than 100-continue (RFC 9110, 10.1.1)."""

    code = "expectation-failed"

    def __init__(self) -> None:
        super().__init__("the only expectation served is 100-continue")


class TooManyRequests(Refusal):
    """One client sends too many requests at a time, or too often (RFC 6585, 4)."""

    code = "too-many-requests"

    def __init__(
        self, message: str = "too many requests at a time from your address; try again soon", *, retry_after: int = 5
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServiceUnavailable(Refusal):
    """The storage or the state store can't serve now; what was acknowledged still holds."""

    code = "unavailable"
    retry_after = 5

    def __init__(self, message: str = "the server can't store right now; try again soon") -> None:
        super().__init__(message)


class StoreFull(ServiceUnavailable):
    """The free space left is reserved for removing uploads, and for finishing existing ones."""

    code = "store-full"
    retry_after = 30

    def __init__(self) -> None:
        super().__init__("the server has no room for new bytes; try again later")


class TooManyUploads(ServiceUnavailable):
    """The number of unfinished uploads, or of the bytes that they claim, has reached its limit."""

    code = "too-many-uploads"
    retry_after = 30


class NameTaken(Refusal):
    """Another upload has the name."""

    code = "name-taken"

    def __init__(self) -> None:
        super().__init__("another upload has that name: choose another one")
