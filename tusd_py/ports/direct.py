"""The port to a storage that clients can reach themselves: with signed requests; and it is asked what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tusd_py.domain.limits import PartLimits
from tusd_py.domain.upload import Checkpoint, DirectPart, Signed, Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class CorsRule:
    """What browsers on some origins may do with a bucket, in S3's words."""

    id: str
    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ("*",)
    exposed: tuple[str, ...] = ()
    max_age: int = 3600
    """Seconds."""


class DirectAccess(Protocol):
    """What is signed is bound to the object and the multipart upload of the record alone. Lifetimes are in seconds.

    Methods that ask the storage may raise StorageUnavailable.
    """

    @property
    def bucket(self) -> str:
        """As the provider calls it."""

    @property
    def part_limits(self) -> PartLimits:
        """What parts must be like."""

    def key(self, upload: Upload) -> str:
        """The name of its object."""

    async def begin(self, upload: Upload) -> Checkpoint:
        """Make ready for parts, unless it is; its checkpoint from now on."""

    async def sign_whole(self, upload: Upload, *, most: int, lifetime: float, form: bool) -> Signed:
        """All of it in one request: with its declared length, else up to `most` bytes.

        A form where one is wanted and the provider knows them, else a PUT (which can't limit what isn't declared).
        """

    async def sign_part(self, upload: Upload, number: int, length: int | None, lifetime: float) -> Signed:
        """A PUT of part `number`, with just so many bytes if `length` is told. Raises UploadLost before `begin`."""

    async def sign_read(self, upload: Upload, shown_as: Mapping[str, str], lifetime: float) -> str:
        """A URL to GET a finished upload from, answered with these header fields."""

    async def stored(self, upload: Upload) -> Sequence[DirectPart]:
        """The parts that are there, in order; one that was sent again may be there twice, the newest last
        where the storage tells their times apart.

        Raises UploadLost if it doesn't know of them any more.
        """

    async def found(self, upload: Upload) -> int | None:
        """The length of its object, if that is there and is the one that was signed for."""

    async def cors(self) -> Sequence[CorsRule]:
        """The rules that it has for browsers."""

    async def set_cors(self, rules: Sequence[CorsRule]) -> None:
        """Give it these instead."""
