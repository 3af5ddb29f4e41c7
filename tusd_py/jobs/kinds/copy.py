"""The kind of job `copy`: it copies the bytes of an upload to another place."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

from tusd_py.domain.job_faults import BadJob
from tusd_py.domain.metadata import Metadata
from tusd_py.jobs.work import Args, PlainKind, Result, Work

_LONGEST_KEY = 900
"""The most bytes of the key that a job may name, in UTF-8."""
_LONGEST_OBJECT_KEY = 1024
"""The most bytes of a target's prefix and a key together (S3 User Guide, "Naming Amazon S3 objects")."""


class Target(Protocol):
    """A place for copies: a local folder or a bucket."""

    async def write(self, key: str, size: int, metadata: Metadata, chunks: AsyncGenerator[bytes, None]) -> None:
        """Write the `size` bytes of `chunks` as the object `key`, whole or not at all, in place of an object that is
        there; close `chunks`. `metadata` is that of the upload, for the object's media type.

        Raises PassingFault, StorageUnavailable, and what `chunks` raises.
        """


class Copy(PlainKind):
    """The kind `copy`. Arguments: `{"to":"s3://bucket/prefix","key":"a/b.bin"}`; `to` is one of `targets`, and `key` is
    by default the upload's id. Result: `{"to","key","bytes"}`."""

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self._targets = targets

    def check(self, args: Args) -> Args:
        to, key = args.get("to"), args.get("key")
        if not isinstance(to, str) or to not in self._targets or args.keys() - {"to", "key"}:
            raise BadJob("copy takes to, one of the places that this server may write to, and key")
        if "key" in args and not (isinstance(key, str) and _is_key(key)):
            raise BadJob("key must be names with slashes between them, without . and ..")
        if isinstance(key, str) and len(f"{_prefix(to)}/{key}".encode()) > _LONGEST_OBJECT_KEY:
            raise BadJob("key is too long for this place: it and the place's prefix may have 1024 bytes together")
        return dict(args)

    async def run(self, work: Work) -> Result:
        upload, args = await work.upload(), work.job.args
        key = args.get("key", upload.id)
        await self._targets[args["to"]].write(key, upload.offset, upload.metadata, work.read(upload))
        return {"to": args["to"], "key": key, "bytes": upload.offset}


def _prefix(to: str) -> str:
    """Return the prefix of keys in a place such as `s3://bucket/prefix`; empty for a folder."""
    return to.partition("://")[2].partition("/")[2]


def _is_key(key: str) -> bool:
    names = key.split("/")
    return {"", ".", ".."}.isdisjoint(names) and key.isprintable() and len(key.encode()) <= _LONGEST_KEY
