"""Why not, as types. A refusal changes nothing; each wire gives it its own status and headers.

The text of a refusal is for the person who reads the answer: short, true, free of anything internal.
"""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):
    """The request can't be served as it is. `code` is stable and safe to match on."""

    code: ClassVar[str] = "refused"
    retry_after: int | None = None
    """Seconds, where it makes sense to ask again."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Malformed(Refusal):
    """A header or body that doesn't follow its grammar, or contradicts another."""

    code = "malformed"


class UnsupportedVersion(Refusal):
    """Tus-Resumable is missing or isn't a version we speak."""

    code = "unsupported-version"

    def __init__(self) -> None:
        super().__init__("this server speaks tus 1.0.0: send Tus-Resumable: 1.0.0")


class UnsupportedExtension(Refusal):
    """Asks for a protocol extension that is switched off here."""

    code = "unsupported-extension"


class WrongContentType(Refusal):
    """The body is of another type than this request takes."""

    code = "wrong-content-type"


class TypeNotAllowed(Refusal):
    """The type or the name that the client declares isn't one that is taken, or it declares none."""

    code = "type-not-allowed"


class UploadNotFound(Refusal):
    """No such upload: never was, expired, or terminated."""

    code = "not-found"

    def __init__(self) -> None:
        super().__init__("there is no such upload")


class UploadGone(Refusal):
    """It was here and is not any more; told apart from UploadNotFound only where a setting asks for it."""

    code = "gone"

    def __init__(self) -> None:
        super().__init__("the upload has expired or was terminated")


class MethodNotAllowed(Refusal):
    """The method makes no sense here. `allow` lists those that do."""

    code = "method-not-allowed"

    def __init__(self, allow: tuple[str, ...]) -> None:
        super().__init__(f"allowed here: {', '.join(allow)}")
        self.allow = allow


class Forbidden(Refusal):
    """Understood, and never allowed: to write to a final upload, say."""

    code = "forbidden"


class Misdirected(Refusal):
    """For a host that this server doesn't answer to."""

    code = "misdirected"

    def __init__(self) -> None:
        super().__init__("this server doesn't answer to that host name")


class UnsupportedCoding(Refusal):
    """The body's transfer coding is one that isn't undone here (RFC 9112, 6.1)."""

    code = "unsupported-coding"

    def __init__(self) -> None:
        super().__init__("the only Transfer-Encoding served is chunked; send the bytes unencoded")


class OffsetMismatch(Refusal):
    """The client is at another offset than the upload."""

    code = "offset-mismatch"

    def __init__(self, *, expected: int, provided: int) -> None:
        super().__init__(f"the upload is at offset {expected}, not {provided}")
        self.expected, self.provided = expected, provided


class TooLarge(Refusal):
    """More bytes than a limit or the declared length allows."""

    code = "too-large"


class ChecksumMismatch(Refusal):
    """The bytes don't have the announced checksum, or not all of them came; none of them count."""

    code = "checksum-mismatch"

    def __init__(self) -> None:
        super().__init__("the bytes received don't have the announced checksum; none were kept")


class InconsistentLength(Refusal):
    """What this request says of the upload's length, or brings, contradicts what was said before."""

    code = "inconsistent-length"


class AlreadyComplete(Refusal):
    """The upload is complete and takes nothing more."""

    code = "already-complete"

    def __init__(self) -> None:
        super().__init__("the upload is complete and takes nothing more")


class DigestMismatch(Refusal):
    """The whole upload doesn't have the digest announced for it, and was removed."""

    code = "digest-mismatch"

    def __init__(self) -> None:
        super().__init__("the whole upload doesn't have the announced digest; it was removed")


class WrongParts(Refusal):
    """The parts named, or those stored, don't make the upload."""

    code = "wrong-parts"


class UploadLocked(Refusal):
    """Another request holds the upload, or it can't be looked at right now: ask again."""

    code = "locked"
    retry_after = 1

    def __init__(self, message: str = "the upload is busy; ask again in a moment") -> None:
        super().__init__(message)


class NotReady(Refusal):
    """A download of an upload that isn't finished."""

    code = "not-finished"

    def __init__(self) -> None:
        super().__init__("the upload is not finished")


class ExpectationFailed(Refusal):
    """An Expect other than 100-continue (RFC 9110, 10.1.1)."""

    code = "expectation-failed"

    def __init__(self) -> None:
        super().__init__("the only expectation served is 100-continue")


class TooManyRequests(Refusal):
    """One client asks for too much at a time, or too often (RFC 6585, 4)."""

    code = "too-many-requests"

    def __init__(
        self, message: str = "too many requests at a time from your address; try again soon", *, retry_after: int = 5
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServiceUnavailable(Refusal):
    """Storage or state can't serve right now; nothing that was told is taken back."""

    code = "unavailable"
    retry_after = 5

    def __init__(self, message: str = "the server can't store right now; try again soon") -> None:
        super().__init__(message)


class StoreFull(ServiceUnavailable):
    """What room is left is kept for removing uploads, and for finishing those that are there."""

    code = "store-full"
    retry_after = 30

    def __init__(self) -> None:
        super().__init__("the server has no room for new bytes; try again later")


class TooManyUploads(ServiceUnavailable):
    """There are as many unfinished uploads as may be, or as many bytes of them."""

    code = "too-many-uploads"
    retry_after = 30
