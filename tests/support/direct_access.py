"""A stand-in for the port through which an engine signs clients' requests to its storage."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tests.support.failing import Fuse
from tests.support.harness import Harness
from tusd_py.domain.checkpoint import Checkpoint, Entry
from tusd_py.domain.direct import DirectPart, Signed
from tusd_py.domain.errors import StorageUnavailable, UploadLost
from tusd_py.domain.limits import PartLimits
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.direct import CorsRule


class ScriptedAccess:
    """A stand-in for `ports.direct.DirectAccess` in front of the storage of a harness: it keeps what it signed, in
    `signed`."""

    bucket = "bucket"
    part_limits = PartLimits(max_parts=10, min_length=2, max_length=20)

    def __init__(self, harness: Harness) -> None:
        self._engine = harness
        self.fuse = Fuse(StorageUnavailable)
        self.troubled = False
        """True if `begin` reports trouble: an attempt before it got no answer and may have begun a multipart upload."""
        self.parts = dict[UploadId, list[DirectPart]]()
        self.signed = list[tuple[object, ...]]()
        self.begun_uploads = list[Upload]()
        self.listed = 0
        """Number of requests for a list of parts."""

    def key(self, upload: Upload) -> str:
        return f"key of {upload.id}"

    async def begin(self, upload: Upload) -> Checkpoint:
        self.begun_uploads.append(upload)
        checkpoint = Checkpoint(offset=0, cursor={"begun": upload.id}, troubled=self.troubled)
        self.parts.setdefault(upload.id, [])
        return await self.fuse.around(_pass_on(checkpoint))

    async def sign_whole(self, upload: Upload, *, max_bytes: int, lifetime: float, form: bool) -> Signed:
        self.signed.append((upload.id, max_bytes, lifetime, form))
        return Signed(url="https://bucket.test/")

    async def sign_part(self, upload: Upload, number: int, length: int | None, lifetime: float) -> Signed:
        self.signed.append((upload.id, number, length, lifetime))
        return Signed(url="https://bucket.test/")

    async def sign_read(self, upload: Upload, shown_as: Mapping[str, str], lifetime: float) -> str:
        self.signed.append((upload.id, shown_as, lifetime))
        return "https://bucket.test/"

    def entries(self, parts: Sequence[DirectPart]) -> Sequence[Entry]:
        return [{"n": part.number, "len": part.length, "etag": part.etag} for part in parts]

    async def stored_parts(self, upload: Upload) -> Sequence[DirectPart]:
        self.listed += 1
        await self.fuse.around(asyncio.sleep(0))
        if upload.id not in self.parts:
            raise UploadLost("its parts are gone")
        return self.parts[upload.id]

    async def object_length(self, upload: Upload) -> int | None:
        content = self._engine.storage._objects.get(upload.id)
        return None if content is None else len(content)

    async def cors(self) -> Sequence[CorsRule]:
        return ()

    async def set_cors(self, rules: Sequence[CorsRule]) -> None:
        """Do nothing: the engine's storage has no CORS rules."""

    def bring(self, upload: Upload, *parts: bytes) -> list[DirectPart]:
        """Make `parts` the stored parts of the upload, as if its client had sent them; return them as S3 would list
        them."""
        self._engine.storage._parts[upload.id] = bytearray(b"".join(parts))
        brought = [DirectPart(number=n, etag=f"e{n}", length=len(part)) for n, part in enumerate(parts, start=1)]
        self.parts[upload.id] = brought
        return brought


def direct(harness: Harness) -> ScriptedAccess:
    """Enable direct uploads in the harness's engine, with a `ScriptedAccess` and presigned URLs that are valid for 30
    seconds; return the access."""
    access = ScriptedAccess(harness)
    harness.storage.direct = access  # type: ignore[assignment]
    harness.engine = replace(harness.engine, limits=replace(harness.engine.limits, upload_url_lifetime=30.0))
    return access


async def _pass_on(checkpoint: Checkpoint) -> Checkpoint:
    return checkpoint
