"""New files and folders are for this user alone, unless a setting says otherwise."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.uploads import upload
from tests.support.writing import Sender
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.disk.files import make_directory, make_file
from tusd_py.storage.local.storage import LocalStorage


@pytest.fixture(autouse=True, params=[0o000, 0o022, 0o077], ids=oct)
def mask(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run each test with three umasks, on which the modes of files don't depend."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(root: Path) -> set[tuple[bool, int]]:
    return {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in (root, *root.rglob("*"))}


async def test_a_state_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    state = SqliteState(tmp_path / "a" / "b" / "state.db")
    await state.create(upload())
    found_modes = modes(tmp_path / "a")
    await state.aclose()
    assert found_modes == {(True, 0o700), (False, 0o600)}


@pytest.mark.parametrize(("mode", "directories"), [(0o600, 0o700), (0o640, 0o750), (0o644, 0o755)])
async def test_a_directory_of_uploads_is_open_as_far_as_is_set(tmp_path: Path, mode: int, directories: int) -> None:
    storage = LocalStorage(tmp_path / "a" / "data", mode=mode)
    sender = Sender(storage, b"content")
    await sender.send()
    await sender.finish()
    await storage.aclose()
    assert modes(tmp_path / "a") == {(True, directories), (False, mode)}


def test_what_is_there_stays_as_it_is(tmp_path: Path) -> None:
    folder, file = tmp_path / "there", tmp_path / "there" / "file"
    folder.mkdir()
    folder.chmod(0o755)
    file.write_bytes(b"kept")
    file.chmod(0o644)
    make_directory(folder / "new")
    make_file(file)
    assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o755, 0o644)
    assert file.read_bytes() == b"kept"


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    make_file(tmp_path / "file")
    with pytest.raises(OSError, match="file"):
        make_directory(tmp_path / "file" / "below")
