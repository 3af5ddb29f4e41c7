"""The adapter for a local disk: `.tusd-py/{id}.part` for an unfinished upload, `{id}` or another name (see
`naming.path_of`) for a finished one.

A part file may hold more bytes than are recorded, if its writer died before a checkpoint: the next writer overwrites
them, and finishing truncates the file to its exact length. The objects of partial uploads stay in `.tusd-py`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from io import FileIO
from pathlib import Path

from tusd_py.disk.files import PRIVATE, make_directory
from tusd_py.disk.space import disk_space
from tusd_py.domain.checkpoint import Cursor, Entry, Finished
from tusd_py.domain.copying import copy_with
from tusd_py.domain.errors import ConfigurationError, UploadLost
from tusd_py.domain.lifecycle import fall_back, fill, mark_done
from tusd_py.domain.place import Place
from tusd_py.domain.space import Space
from tusd_py.domain.span import Span
from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.domain.upload import Kind, Times, Upload
from tusd_py.domain.upload_id import UploadId, parse_upload_id
from tusd_py.ports.inspection import Leftover, Recovered, Trial
from tusd_py.ports.locks import Lease
from tusd_py.ports.storage import Capacity, Record, Survey
from tusd_py.storage.local.disk import (
    Disk,
    Headroom,
    file_size,
    open_file,
    read_text,
    replace_text,
    sync_directory,
    try_to_write,
)
from tusd_py.storage.local.joint import Joint
from tusd_py.storage.local.part_file import PartFile, sealed
from tusd_py.storage.local.tree import Tree
from tusd_py.storage.local.writer import LocalWriter
from tusd_py.storage.naming import BY_ID, path_of


class LocalStorage:
    """The adapter of `ports.storage.Storage` for a directory."""

    capacity = Capacity()
    direct = None

    def __init__(
        self, root: Path, thresholds: Thresholds = DEFAULT, *, mode: int = PRIVATE, template: str = BY_ID
    ) -> None:
        """Make `root` and the folder `.tusd-py` in it, if they are missing; raises ConfigurationError if that fails.
        `mode` is the mode of uploads' files; `template` makes the names of finished objects (`naming.path_of`)."""
        self._root = root.absolute()
        self._work = self._root / ".tusd-py"
        self._thresholds, self._mode, self._template = thresholds, mode, template
        self._objects, self._partials = Tree(self._root, mode), Tree(self._work, mode)
        try:
            make_directory(self._work, mode)
        except OSError as error:
            raise ConfigurationError(f"can't store under {self._root}: {error.strerror}") from error
        self._disk, self._headroom = Disk(thresholds.disk_threads), Headroom(self._root)

    @property
    def name(self) -> str:
        return f"file:{self._root}"

    @property
    def inspection(self) -> LocalStorage:
        return self

    def start(self, upload: Upload) -> Cursor:
        """Return a cursor with the path that the object will have below the storage's directory; an empty cursor if the
        upload's id alone names the object, as it does for partial uploads."""
        if upload.kind is Kind.PARTIAL or (self._template == BY_ID and upload.key_tells_id):
            return {}
        return {"file": path_of(self._template, upload)}

    def locate(self, upload: Upload) -> Place:
        tree, name = self._place(upload)
        return Place(key=str(tree.path(name).relative_to(self._root)), path=str(tree.path(name)))

    async def occupied(self, upload: Upload) -> bool:
        tree, name = self._place(upload)
        return await self._disk.run(partial(tree.holds, name))

    @asynccontextmanager
    async def writer(
        self,
        upload: Upload,
        record: Record,
        lease: Lease,
        *,
        unproven: bool = False,  # noqa: ARG002 (only matters to storages with concurrent writes)
    ) -> AsyncIterator[LocalWriter]:
        with ExitStack() as stack:
            fd = await self._disk.run(partial(self._open_part, upload, stack))
            part = PartFile(self._part(upload), fd, self._disk, self._headroom, lease)
            yield LocalWriter(part, upload, record, self._thresholds)

    def needs_entries(self, upload: Upload) -> bool:  # noqa: ARG002 - the port's signature
        return False

    async def finish(self, upload: Upload, entries: Sequence[Entry]) -> Finished:  # noqa: ARG002 - the port's signature
        await self._disk.run(partial(self._promote, upload))
        return Finished(cursor=upload.cursor, etag=upload.fixed_etag)

    async def concatenate(self, upload: Upload, sources: Sequence[Upload]) -> Finished:
        exists = await self._disk.run(partial(self._has_object, upload))
        if not exists or upload.chosen_key is not None:  # what is at a chosen place may be another program's
            try:
                await self._join(upload, sources)
            except UploadLost:
                if not exists:
                    raise
                await self._disk.run(self._part(upload).unlink)
        return await self.finish(upload, ())

    async def delete_superseded(self, before: Sequence[Cursor], current: Sequence[Cursor]) -> None:
        """Do nothing: a cursor names at most the upload's object, which isn't to be removed."""

    async def discard(self, upload: Upload) -> None:
        await self._disk.run(partial(self._remove, upload))

    async def clean(self, upload: Upload) -> None:
        if upload.done:
            await self._disk.run(partial(self._part(upload).unlink, missing_ok=True))
        elif not upload.alive:
            await self.discard(upload)

    async def read(self, upload: Upload, span: Span) -> AsyncGenerator[bytes, None]:
        async with self._opened(upload) as fd:
            at, max_bytes = span.start, self._thresholds.disk_read
            while at < span.stop:
                data = await self._disk.run(partial(os.pread, fd, min(max_bytes, span.stop - at), at))
                if not data:
                    raise UploadLost(upload.id)
                yield data
                at += len(data)

    async def leftovers(self) -> AsyncIterator[Leftover]:
        for leftover in await self._disk.run(self._list):
            yield leftover

    def needs(self, upload: Upload, leftover: Leftover) -> bool:
        if leftover.name == upload.id:  # the object of a partial upload, which exists before that is recorded
            return upload.kind is Kind.PARTIAL and upload.alive
        return not upload.done

    async def remove(self, leftover: Leftover) -> None:
        await self._disk.run(partial((self._work / leftover.name).unlink, missing_ok=True))

    async def survey(self, upload: Upload, entries: Sequence[Entry]) -> Survey:  # noqa: ARG002 - the port's signature
        return Survey(upload=await self._disk.run(partial(self._survey, upload)))

    async def recover(self, upload_id: UploadId, leftovers: Sequence[Leftover]) -> Recovered | None:
        return await self._disk.run(partial(self._recover, upload_id, leftovers[0].since))

    async def installation(self) -> str | None:
        return await self._disk.run(partial(read_text, self._work / "installation"))

    async def install(self, installation_id: str) -> None:
        await self._disk.run(partial(replace_text, self._work / "installation", installation_id))

    async def ping(self) -> None:
        await self._disk.run(partial(try_to_write, self._work))

    async def space(self) -> Space | None:
        return await self._disk.run(partial(disk_space, self._root))

    def trials(self) -> Sequence[Trial]:
        return [Trial(name="write", place=self.name, run=self.ping)]

    async def aclose(self) -> None:
        self._disk.close()

    def _part(self, upload: Upload) -> Path:
        return self._work / f"{upload.id}.part"

    def _place(self, upload: Upload) -> tuple[Tree, str]:
        """Return the directory tree that the finished object belongs in, `.tusd-py` for a partial upload and else the
        storage's whole directory, and the object's name in it: its path below that directory."""
        if upload.kind is Kind.PARTIAL:
            return self._partials, upload.id
        return self._objects, upload.cursor.get("file", upload.id)

    def _size(self, upload: Upload) -> int | None:
        """Return the size in bytes of the file at the object's place, which may be another program's file if the place
        was chosen; None if there is no such file."""
        tree, name = self._place(upload)
        return tree.size(name)

    @asynccontextmanager
    async def _opened(self, upload: Upload) -> AsyncIterator[int]:
        """Yield a descriptor of a finished upload's object. Raises UploadLost if it is missing or has another size."""
        with ExitStack() as stack:
            fd = await self._disk.run(partial(self._open_object, upload, stack))
            if os.fstat(fd).st_size != upload.length:
                raise UploadLost(upload.id)
            yield fd

    def _open_object(self, upload: Upload, stack: ExitStack) -> int:
        tree, name = self._place(upload)
        try:
            return stack.enter_context(FileIO(tree.open(name))).fileno()
        except FileNotFoundError as error:
            raise UploadLost(upload.id) from error

    def _open_part(self, upload: Upload, stack: ExitStack) -> int:
        create = 0 if upload.offset else os.O_CREAT
        fd = open_file(self._part(upload), os.O_RDWR | create, stack, self._mode)
        if os.fstat(fd).st_size < upload.offset:
            raise UploadLost(upload.id)
        if create:
            sync_directory(self._work)
        return fd

    async def _join(self, upload: Upload, sources: Sequence[Upload]) -> None:
        with ExitStack() as stack:
            part = partial(open_file, self._part(upload), os.O_RDWR | os.O_CREAT, stack, self._mode)
            joint = Joint(await self._disk.run(part), self._disk, self._headroom, self._thresholds.disk_copy)
            for source in sources:
                async with self._opened(source) as fd:
                    await joint.append(source, fd)

    def _promote(self, upload: Upload) -> None:
        """Turn the part file into the durable object, unless the object exists already; replace a file that another
        program has put at a chosen place meanwhile. Raises UploadLost if bytes are missing, or if the object's
        length isn't the upload's.
        """
        tree, name = self._place(upload)
        if not self._has_object(upload):
            with sealed(self._part(upload), upload, self._mode):
                tree.put(self._part(upload), name)
        sync_directory(self._work)
        tree.sync(name)
        if tree.size(name) != upload.length:
            raise UploadLost(upload.id)

    def _list(self) -> Sequence[Leftover]:
        leftovers = []
        for path in self._work.iterdir():
            upload_id = parse_upload_id(path.name.removesuffix(".part"))
            with suppress(FileNotFoundError):
                if upload_id is not None:
                    leftovers.append(Leftover(upload_id=upload_id, name=path.name, since=path.stat().st_mtime))
        return leftovers

    def _survey(self, upload: Upload) -> Upload:
        size = self._size(upload)
        if size is not None and upload.length in (None, size) and self._has_object(upload):
            return upload if upload.done else _finished(upload, size)
        if upload.done:
            raise UploadLost(upload.id)
        return fall_back(upload, file_size(self._part(upload)) or 0)

    def _recover(self, upload_id: UploadId, since: float) -> Recovered | None:
        new = Upload(id=upload_id, length=None, times=Times.at_creation(since))
        partial_upload = copy_with(new, kind=Kind.PARTIAL)
        if (length := self._size(partial_upload)) is not None:
            return Recovered(upload=_finished(partial_upload, length))
        upload = copy_with(new, cursor=self.start(new))
        if self._size(upload) is not None or not (offset := file_size(self._part(upload))):
            return None
        with ExitStack() as stack:
            os.fsync(open_file(self._part(upload), os.O_RDWR, stack))
        return Recovered(upload=copy_with(upload, offset=offset))

    def _remove(self, upload: Upload) -> None:
        """Remove the part file, the object, and the folders above it that are left empty, up to the topmost with the
        upload's id in its name. A file at a chosen place stays, unless the upload has all its bytes and the file is
        taken for its object (`_has_object`)."""
        tree, name = self._place(upload)
        owned = upload.chosen_key is None or (upload.full and self._has_object(upload))
        self._part(upload).unlink(missing_ok=True)
        if owned:
            tree.remove(name, upload.id)
        sync_directory(self._work)

    def _has_object(self, upload: Upload) -> bool:
        """Return True if the upload's object exists. A file at a chosen place is taken for the object if the record has
        an ETag, or if the file has the upload's length and the part file is gone, as after a finish that couldn't be
        recorded; any other file is another program's.
        """
        size = self._size(upload)
        if upload.chosen_key is None or upload.etag is not None or size is None:
            return size is not None
        return size == upload.length and not self._part(upload).exists()


def _finished(upload: Upload, length: int) -> Upload:
    return mark_done(fill(upload, length), Finished(cursor=upload.cursor, etag=upload.fixed_etag))
