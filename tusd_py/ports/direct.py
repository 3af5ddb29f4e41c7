"""The port to a storage that clients reach directly, with presigned requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tusd_py.domain.checkpoint import Checkpoint, Entry
from tusd_py.domain.direct import DirectPart, Signed
from tusd_py.domain.limits import PartLimits
from tusd_py.domain.upload import Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class CorsRule:
    """A CORS rule of a bucket, with the members that S3 gives it."""

    id: str
    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ("*",)
    exposed: tuple[str, ...] = ()
    max_age: int = 3600
    """Seconds for which browsers may cache the answer to a preflight request; 0 in a rule that was read from a bucket
    and names no time."""


class CorsAccess(Protocol):
    """The CORS rules of one bucket. Each method may raise StorageUnavailable."""

    async def cors(self) -> Sequence[CorsRule]:
        """Return the rules; none if the bucket has none."""

    async def put_cors(self, rules: Sequence[CorsRule]) -> None:
        """Replace the rules."""


class DirectAccess(Protocol):
    """Signs requests for the one object and multipart upload that a record names, and reads what clients stored.

    Lifetimes are in seconds. Methods that send a request to the storage may raise StorageUnavailable.
    """

    @property
    def part_limits(self) -> PartLimits:
        """The limits on the number and sizes of parts."""

    def key(self, upload: Upload) -> str:
        """Return the key of the upload's object, without a request to the storage."""

    async def begin(self, upload: Upload) -> Checkpoint:
        """Start the multipart upload, unless it is started; return the checkpoint that names it."""

    async def sign_whole(self, upload: Upload, *, max_bytes: int, lifetime: float, form: bool) -> Signed:
        """Sign one request for the whole object: of its declared length, else of up to `max_bytes` bytes.

        Returns a form to POST if `form` is true and the provider supports forms; else a PUT, which can't limit an
        undeclared length.
        """

    async def sign_part(self, upload: Upload, number: int, length: int | None, lifetime: float) -> Signed:
        """Sign a PUT of part `number`, of exactly `length` bytes if given. Raises UploadLost if `begin` hasn't
        started the multipart upload.
        """

    async def sign_read(self, upload: Upload, shown_as: Mapping[str, str], lifetime: float) -> str:
        """Return a presigned URL to GET a finished upload; its response has the header fields `shown_as`."""

    async def stored_parts(self, upload: Upload) -> Sequence[DirectPart]:
        """Return the stored parts, by number; none before `begin`. A part that was sent again may appear twice, the
        newest last if the storage knows their times.

        Raises UploadLost if the multipart upload is gone.
        """

    def entries(self, parts: Sequence[DirectPart]) -> Sequence[Entry]:
        """Return the entries to record for an upload that is made of these parts."""

    async def object_length(self, upload: Upload) -> int | None:
        """Return the length in bytes of the upload's object; None if there is none, or if it was replaced or doesn't
        have the declared length."""

    @property
    def cors(self) -> Mapping[str, CorsAccess]:
        """The access to the CORS rules of each bucket that clients reach, by the bucket's name for people."""
