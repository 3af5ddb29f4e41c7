"""Finished files on a disk under names of the operator's choice, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.storages import LOW_DISK
from tests.support.writing import Sender, content, new_upload, random_bytes, stored
from tusd_py.domain.errors import StorageUnavailable, UploadLost
from tusd_py.domain.lifecycle import mark_done
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Kind, Upload
from tusd_py.storage.local.storage import LocalStorage

NAMED = "{year}/{id}/{filename}"
FILM = {"filename": "../../фильм.mp4".encode()}


@asynccontextmanager
async def opened(root: Path, template: str = NAMED, mode: int = 0o600) -> AsyncIterator[LocalStorage]:
    storage = LocalStorage(root, LOW_DISK, template=template, mode=mode)
    yield storage
    await storage.aclose()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
async def storage(root: Path) -> AsyncIterator[LocalStorage]:
    async with opened(root) as local:
        yield local


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() or path.is_symlink())


def everything(root: Path) -> set[str]:
    return {path.name for path in root.rglob("*")}


def full(storage: LocalStorage, length: int) -> Upload:
    """A finishing upload whose bytes are all stored and recorded."""
    new = new_upload(storage, length, metadata=FILM)
    (storage._work / f"{new.id}.part").write_bytes(random_bytes(length))
    return replace(new, offset=length, phase=Phase.FINISHING)


async def test_a_finished_file_has_its_name_and_extension(storage: LocalStorage, root: Path) -> None:
    finished = await stored(storage, b"hello", metadata=FILM)
    assert files(root) == [f"1970/{finished.id}/фильм.mp4"]
    assert await content(storage, finished) == b"hello"


@pytest.mark.parametrize(
    ("metadata", "name"), [({"name": b"a.txt"}, "a.txt"), ({"filename": b"", "name": b"a.txt"}, "a.txt"), ({}, "file")]
)
async def test_uploads_of_either_key_and_of_none(
    storage: LocalStorage, root: Path, metadata: dict[str, bytes], name: str
) -> None:
    finished = await stored(storage, b"hello", metadata=metadata)
    assert files(root) == [f"1970/{finished.id}/{name}"]


async def test_two_files_of_one_name_do_not_meet(root: Path) -> None:
    async with opened(root, "{filename}-{id}") as storage:
        first, second = [await stored(storage, data, metadata=FILM) for data in (b"one", b"other")]
        assert [await content(storage, record) for record in (first, second)] == [b"one", b"other"]
        assert files(root) == sorted(f"фильм.mp4-{record.id}" for record in (first, second))


async def test_the_longest_name_fits(root: Path) -> None:
    async with opened(root, "{year}{month}{day}-{id}-{filename}") as storage:
        finished = await stored(storage, b"x", metadata={"filename": ("語" * 400 + ".txt").encode()})
        assert await content(storage, finished) == b"x"
        assert files(root)[0].endswith("語.txt")


async def test_partial_uploads_have_none(storage: LocalStorage, root: Path) -> None:
    partial = await stored(storage, b"hello", kind=Kind.PARTIAL, metadata=FILM)
    assert files(root) == [f".tusd-py/{partial.id}"]


async def test_an_upload_keeps_the_name_that_it_began_with(root: Path) -> None:
    """An upload that began under the template `{id}` keeps its id as its name under a later template, and the other way
    round."""
    async with opened(root, "{id}") as before:
        old, open_one = await stored(before, b"old", metadata=FILM), Sender(before, b"open")
        await open_one.send(2)
    async with opened(root) as storage:
        assert await content(storage, old) == b"old"
        await storage.discard(old)
        again = Sender(storage, b"open", open_one.upload)
        await again.send()
        assert await content(storage, await again.finish()) == b"open"
        assert files(root) == [open_one.upload.id]
        new = await stored(storage, b"new", metadata=FILM)
    async with opened(root, "{id}") as after:
        assert await content(after, new) == b"new"
        await after.discard(new)


async def test_an_upload_without_a_record_is_named_as_if_it_were_new(storage: LocalStorage, root: Path) -> None:
    """An upload that is recovered without its record has `file` for `{filename}`, as the client's name is lost, and the
    time of its part file for that of its creation. Once a file of the name so made exists, it isn't recovered again."""
    sender = Sender(storage, b"hello", new_upload(storage, 5, metadata=FILM))
    await sender.send(2)
    leftovers = [leftover async for leftover in storage.leftovers()]
    recovered = await storage.recover(sender.upload.id, leftovers)
    assert recovered is not None
    again = Sender(storage, b"hello", replace(recovered.upload, length=5))
    await again.send()
    await again.finish()
    (file,) = files(root)
    assert file.endswith(f"/{sender.upload.id}/file")
    assert not file.startswith("1970")
    (root / ".tusd-py" / f"{sender.upload.id}.part").write_bytes(b"old")
    os.utime(root / ".tusd-py" / f"{sender.upload.id}.part", times=(leftovers[0].since, leftovers[0].since))
    assert await storage.recover(sender.upload.id, leftovers) is None


async def test_only_the_folders_of_an_ended_upload_go_with_it(root: Path) -> None:
    async with opened(root, "{year}/{id}/{month}/{filename}") as storage:
        finished = await stored(storage, b"hello", metadata=FILM)
        await storage.discard(finished)
        await storage.discard(finished)
        assert everything(root) == {".tusd-py", "1970"}


async def test_what_others_put_beside_a_file_stays(storage: LocalStorage, root: Path) -> None:
    finished = await stored(storage, b"hello", metadata=FILM)
    (root / "1970" / finished.id / "thumbnail.png").touch()
    await storage.discard(finished)
    assert files(root) == [f"1970/{finished.id}/thumbnail.png"]


async def test_half_removed_folders_are_removed_the_next_time(root: Path) -> None:
    async with opened(root, "{id}/{month}/{filename}") as storage:
        finished = await stored(storage, b"hello", metadata=FILM)
        (root / finished.id / "01" / "фильм.mp4").unlink()
        (root / finished.id / "01").rmdir()
        await storage.discard(finished)
        assert not (root / finished.id).exists()


@pytest.mark.parametrize("mode", [0o600, 0o640])
async def test_folders_are_open_to_whom_files_are_whatever_the_umask(root: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        async with opened(root, mode=mode) as storage:
            finished = await stored(storage, b"hello", metadata=FILM)
    finally:
        os.umask(before)
    folder = root / "1970" / finished.id
    assert (folder.stat().st_mode & 0o777, (folder / "фильм.mp4").stat().st_mode & 0o777) == (
        {0o600: 0o700, 0o640: 0o750}[mode],
        mode,
    )


async def test_a_concatenation_has_the_mode_of_other_files(root: Path) -> None:
    async with opened(root, "{id}", mode=0o640) as storage:
        partial = await stored(storage, b"hello", kind=Kind.PARTIAL)
        final = replace(new_upload(storage, 5, kind=Kind.FINAL), offset=5, phase=Phase.FINISHING)
        await storage.concatenate(final, [partial])
        assert (root / final.id).stat().st_mode & 0o777 == 0o640


async def test_a_link_in_the_way_is_not_followed(storage: LocalStorage, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "1970").symlink_to(outside)
    with pytest.raises(StorageUnavailable):
        await stored(storage, b"hello", metadata=FILM)
    assert list(outside.iterdir()) == []


async def test_symbolic_link_is_not_followed(storage: LocalStorage, root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"hello")
    finished = await stored(storage, b"hello", metadata=FILM)
    file = root / "1970" / finished.id / "фильм.mp4"
    file.unlink()
    file.symlink_to(secret)
    with pytest.raises(StorageUnavailable):
        await content(storage, finished)
    with pytest.raises(UploadLost):
        await storage.survey(finished, ())
    await storage.discard(finished)
    assert secret.read_bytes() == b"hello"
    assert files(root) == []


async def test_a_link_where_a_file_is_to_be_is_replaced(storage: LocalStorage, root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    upload = full(storage, 5)
    file = root / upload.cursor["file"]
    file.parent.mkdir(parents=True)
    file.symlink_to(secret)
    await storage.finish(upload, ())
    assert (secret.read_bytes(), file.is_symlink(), file.read_bytes()) == (b"secret", False, random_bytes(5))


async def test_all_names_are_durable_before_it_counts(
    storage: LocalStorage, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, synced, fsync = full(storage, 5), set[int](), os.fsync

    def log(fd: int) -> None:
        synced.add(os.fstat(fd).st_ino)
        fsync(fd)

    for _ in range(2):  # the second time as after a crash between the rename and its syncs
        synced.clear()
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", log)
            await storage.finish(upload, ())
        folders = [root / ".tusd-py", root, root / "1970", root / "1970" / upload.id]
        assert {folder.stat().st_ino for folder in folders} <= synced


@pytest.mark.parametrize("place", [None, "a/b c"])
async def test_a_final_stays_made_without_its_sources(storage: LocalStorage, root: Path, place: str | None) -> None:
    """A final upload that was made, but not recorded, is finished also if its partial uploads have ended meanwhile."""
    source = await stored(storage, b"hello", kind=Kind.PARTIAL)
    final = new_upload(storage, 5, kind=Kind.FINAL, place=place, offset=5, metadata=FILM)
    await storage.concatenate(final, [source])
    await storage.discard(source)
    finished = mark_done(final, await storage.concatenate(final, [source]))
    assert await content(storage, finished) == b"hello"
    assert len(files(root)) == 1


async def test_a_final_without_its_sources_is_lost(storage: LocalStorage) -> None:
    source = await stored(storage, b"hello", kind=Kind.PARTIAL)
    await storage.discard(source)
    for place in (None, "a/b c"):
        final = new_upload(storage, 5, kind=Kind.FINAL, place=place, offset=5, metadata=FILM)
        with pytest.raises(UploadLost):
            await storage.concatenate(final, [source])
