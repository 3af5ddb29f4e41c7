"""The kind of job `export`: it packs many uploads into an archive, or lists them. The archive or list is an upload
itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from stream_zip import ZIP_AUTO, Method, async_stream_zip

from tusd_py.domain.errors import UploadLost
from tusd_py.domain.job import EXPORT
from tusd_py.domain.job_faults import BadJob, JobFault
from tusd_py.domain.rights import Watcher
from tusd_py.domain.span import Span
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId, parse_upload_id
from tusd_py.engine.engine import Engine
from tusd_py.engine.listing import read_page
from tusd_py.engine.make import make
from tusd_py.jobs.making import acting, url
from tusd_py.jobs.member_names import MemberNames, last_component
from tusd_py.jobs.sources import closing_all
from tusd_py.jobs.work import Args, PlainKind, Result, Work
from tusd_py.ports.questions import NoQuestions
from tusd_py.ports.state import Numbered
from tusd_py.protocol.export_request import selection_of
from tusd_py.protocol.listing import FORMATS
from tusd_py.protocol.upload_object import upload_object
from tusd_py.serving.dates import rfc3339
from tusd_py.serving.media_types import media_type

_CHUNK = 1024 * 1024
_MODE = 0o600
_STORED, _DEFLATED = 0, 6
"""Levels of deflate for members. At level 0 the bytes aren't compressed: they are in stored blocks of deflate, as the
method `stored` needs the CRC before the bytes."""
_TEXTS = frozenset({"application/json", "application/csv", "application/x-ndjson"})
_TYPES = {"zip": "application/zip", "ndjson": "application/x-ndjson", "csv": "text/csv"}


class Export(PlainKind):
    """The kind `export`. Arguments: `{"ids":[...]}` or `{"filter":{}}`, with `format` (zip, ndjson or csv),
    `compress` (auto, store or deflate) and `filename`. Result:
    `{"upload_id","url","filename","length","members","expires"}`; `members` is the number of exported uploads.
    Only POST /exports makes such jobs: `check` always raises BadJob.
    """

    def check(self, args: Args) -> Args:  # noqa: ARG002  the protocol's signature
        raise BadJob("exports are made by POST /exports")

    async def run(self, work: Work) -> Result:
        args, members = work.job.args, _Members(work=work)
        filename = last_component(args["filename"]) or f"{EXPORT}.{args['format']}"
        metadata = {"filename": filename.encode(), "filetype": _TYPES[args["format"]].encode()}
        ids = work.ids()
        async with closing_all(ids):
            upload_id = await anext(ids)
            content = members.zipped() if args["format"] == "zip" else members.listed()
            upload = await make(_unasked(work), upload_id, metadata, content)
        expires_at = upload.times.expires_at
        return {
            "upload_id": upload.id,
            "url": url(work.job, upload),
            "filename": filename,
            "length": upload.offset,
            "members": members.count,
            "expires": None if expires_at is None else rfc3339(expires_at),
        }


def _unasked(work: Work) -> Engine:
    """Return the engine that makes the export: without scans, limits of types, the credential's limit on an upload's
    length, and questions to hooks, as these judge uploads of clients, and all members of the export have passed them.
    The server's limit on an upload's length still applies.
    """
    engine = acting(work, replace(work.job.allowance, types=(), max_length=None))
    limits = replace(engine.limits, allowed_types=(), allowed_extensions=())
    return replace(engine, questions=NoQuestions(), screening=None, limits=limits)


@dataclass(kw_only=True)
class _Members:
    """The members (uploads) of one export while they are read, and their count."""

    work: Work
    count: int = 0
    done: int = 0
    """The number of members' bytes that were read so far."""
    names: MemberNames = field(default_factory=MemberNames)

    async def listed(self) -> AsyncGenerator[bytes, None]:
        """Yield the listing of the members, as NDJSON or CSV in UTF-8. Raises JobFault (missing-member,
        repeated-member), StateUnavailable."""
        job, engine = self.work.job, self.work.engine
        form, cursor = FORMATS[job.args["format"]], 0
        yield form.head
        async with aclosing(self._uploads()) as uploads:
            async for numbered in uploads:
                cursor = numbered.seq
                yield form.row(upload_object(numbered.upload, numbered.seq, job.endpoint, engine.clock()))
        yield form.end(str(cursor), self.count)

    async def zipped(self) -> AsyncGenerator[bytes, None]:
        """Yield the archive's bytes. Raises JobFault (missing-member, repeated-member), StateUnavailable,
        StorageUnavailable."""
        entries = self._entries()
        stream = async_stream_zip(entries, chunk_size=_CHUNK)
        async with closing_all(stream, entries):  # type: ignore[arg-type]  # it is a generator
            async for chunk in stream:
                yield chunk

    async def _entries(self) -> AsyncGenerator[tuple[str, datetime, int, Method, AsyncIterator[bytes]], None]:
        async with aclosing(self._uploads()) as uploads:
            async for numbered in uploads:
                upload = numbered.upload
                modified = datetime.fromtimestamp(upload.times.updated_at, UTC)
                method = ZIP_AUTO(upload.offset, level=self._level(upload))
                yield self.names.name(upload), modified, _MODE, method, self._bytes(upload)

    def _level(self, upload: Upload) -> int:
        compress = self.work.job.args["compress"]
        essence = media_type(upload.metadata).partition(";")[0]
        deflated = compress == "deflate" or (compress == "auto" and (essence.startswith("text/") or essence in _TEXTS))
        return _DEFLATED if deflated else _STORED

    async def _bytes(self, upload: Upload) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a member and report the progress. Raises JobFault (missing-member) if they are gone
        meanwhile, StorageUnavailable."""
        try:
            async with aclosing(self.work.engine.storage.read(upload, Span(0, upload.offset))) as chunks:
                async for chunk in chunks:
                    yield chunk
                    self.done += len(chunk)
                    self.work.hold.report(self.done, None)
        except UploadLost:
            raise _missing(upload.id) from None

    async def _uploads(self) -> AsyncGenerator[Numbered, None]:
        """Yield and count the members, each with the number of its last event: the uploads that the job's argument
        `ids` names, in that order, or those that its argument `filter` selects, in the order of their last
        events.

        Raises JobFault (missing-member) if one of `ids` isn't a finished upload that the job's owner may see,
        (repeated-member) if one comes twice; StateUnavailable.
        """
        args = self.work.job.args
        chosen = self._by_id(_each_once(args["ids"])) if "ids" in args else self._by_filter(args["filter"])
        async with aclosing(chosen):
            async for numbered in chosen:
                self.count += 1
                yield numbered

    async def _by_id(self, ids: list[str]) -> AsyncGenerator[Numbered, None]:
        engine, watcher = self.work.engine, self._watcher
        for text in ids:
            upload_id = parse_upload_id(text)
            numbered = None if upload_id is None else await engine.state.numbered(upload_id)
            if numbered is None or not self._may_have(numbered.upload, watcher):
                raise _missing(text)
            yield numbered

    async def _by_filter(self, members: Mapping[str, Any]) -> AsyncGenerator[Numbered, None]:
        """Yield the finished uploads that match the job's filter (`members`, those of a JSON object) and that the job's
        owner may see, each once. An upload with an event after this reading began is left out."""
        engine, watcher, selection = self.work.engine, self._watcher, selection_of(members)
        outbox = engine.state.outbox
        since, last = 0, await outbox.last_seq() if outbox is not None else 0
        while since < last:
            page = await read_page(engine, since, selection.includes)
            for numbered in page.uploads:
                if numbered.seq <= last and self._may_have(numbered.upload, watcher):
                    yield numbered
            if page.last:
                return
            since = page.seq

    def _may_have(self, upload: Upload, watcher: Watcher) -> bool:
        return upload.done and upload.visible(self.work.engine.clock()) and watcher.sees(upload.owner, upload.tenant)

    @property
    def _watcher(self) -> Watcher:
        return Watcher(self.work.job.owner, self.work.job.tenant, sees_all=self.work.job.sees_all)


def _each_once(ids: list[str]) -> list[str]:
    """Return the ids. Raises JobFault (repeated-member) if one comes twice: its bytes would be read and stored as
    often, far more than the request's size."""
    distinct = set[str]()
    for text in ids:
        if text in distinct:
            raise JobFault("repeated-member", "an upload is named twice", upload_id=text)
        distinct.add(text)
    return ids


def _missing(upload_id: str | UploadId) -> JobFault:
    return JobFault("missing-member", "an upload isn't there, or isn't finished", upload_id=upload_id)
