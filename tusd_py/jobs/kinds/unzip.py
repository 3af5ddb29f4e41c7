"""The kind of job `unzip`: each file in a ZIP archive becomes an upload; if the job ends otherwise than done, none
stays."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import stream_unzip
from stream_unzip import UnzipError, async_stream_unzip

from tusd_py.domain.job_faults import BadJob, JobFault
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.make import make
from tusd_py.jobs.archive import ArchiveLimits, Member, bad_archive, members_of
from tusd_py.jobs.making import acting, url
from tusd_py.jobs.member_types import suggested_type
from tusd_py.jobs.sources import closing_all
from tusd_py.jobs.work import Args, PlainKind, Result, Work

_UNSUPPORTED = (stream_unzip.UnsupportedFeatureError, stream_unzip.PasswordError)


class Unzip(PlainKind):
    """The kind of job `unzip`: it makes an upload of each member of a ZIP archive that isn't a directory. It takes no
    arguments. Result: `{"uploads":[{"id","url","filename","path","length"}]}`, one for each such member."""

    def __init__(self, limits: ArchiveLimits) -> None:
        self._limits = limits

    def check(self, args: Args) -> Args:
        if args:
            raise BadJob("unzip takes no arguments")
        return {}

    async def run(self, work: Work) -> Result:
        upload = await work.upload()

        async def read(span: Span) -> bytes:
            async with aclosing(work.engine.storage.read(upload, span)) as chunks:
                return b"".join([chunk async for chunk in chunks])

        members = await members_of(upload.offset, read, self._limits)
        unpacking = _Unpacking(work=work, archive=upload, members=members, limits=self._limits)
        return {"uploads": await unpacking.run()}


@dataclass(kw_only=True)
class _Unpacking:
    """One archive while it is unpacked; `unpacked` counts the unpacked bytes so far, `products` describes the uploads
    made so far, as the job's result does."""

    work: Work
    archive: Upload
    members: Sequence[Member]
    limits: ArchiveLimits
    unpacked: int = 0
    products: list[Mapping[str, Any]] = field(default_factory=list)

    async def run(self) -> Sequence[Mapping[str, Any]]:
        """Make an upload of each member that isn't a directory, and return the descriptions of these uploads
        (`products`). Raises JobFault, Refusal, Locked, Superseded, UploadLost, Unavailable."""
        source = self.work.read(self.archive)
        stream = async_stream_unzip(source)
        ids = self.work.ids()
        async with closing_all(ids, stream, source):
            expected = iter(self.members)
            try:
                async for name, _, chunks in stream:
                    member = next(expected, None)
                    if member is None or member.raw_name != name:
                        raise bad_archive("its directory names other members than it has")
                    await self._unpack(member, chunks, ids)
            except _UNSUPPORTED:
                raise JobFault("unsupported", "a member is packed in a way that isn't supported") from None
            except UnzipError:
                raise bad_archive() from None
            if next(expected, None) is not None:
                raise bad_archive("its directory names more members than it has")
        return self.products

    async def _unpack(
        self, member: Member, chunks: AsyncGenerator[bytes, None], ids: AsyncGenerator[UploadId, None]
    ) -> None:
        content = self._counted(chunks)
        if member.directory:
            async for _ in content:
                pass
            return
        filename = member.path.rpartition("/")[2]
        metadata = {"filename": filename.encode(), "path": member.path.encode(), "archive": self.archive.id.encode()}
        engine = acting(self.work, self.work.job.allowance)
        if engine.limits.allowed_types or engine.allowance.types:
            metadata["filetype"] = suggested_type(filename).encode()
        upload = await make(engine, await anext(ids), metadata, content)
        facts = {"id": upload.id, "url": url(self.work.job, upload), "filename": filename, "path": member.path}
        self.products.append({**facts, "length": upload.offset})

    async def _counted(self, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a member, and count them in `unpacked`: they may be more than the archive's directory
        says. Raises JobFault if the bytes of all members so far exceed a limit, and what `chunks` raises."""
        async for chunk in chunks:
            self.unpacked += len(chunk)
            self.limits.check(0, self.unpacked, self.archive.offset)
            yield chunk
