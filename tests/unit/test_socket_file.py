"""A UNIX socket's file belongs to one server at a time, which removes it when it ends; a file that a dead server left
is replaced by the next."""

from __future__ import annotations

import errno
import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tusd_py.server import socket_file
from tusd_py.server.socket_file import SocketFile, listen_at


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


@contextmanager
def listening(path: Path) -> Iterator[SocketFile]:
    sock, file = listen_at(path)
    with closing(sock):
        yield file


def connected(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_its_group_may_connect_and_others_may_not(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with listening(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            assert connected(path)
    finally:
        os.umask(before)


def test_that_of_a_dead_server_is_replaced(path: Path) -> None:
    with listening(path):
        pass
    assert not connected(path)
    with listening(path):
        assert connected(path)


def test_that_of_a_live_server_is_left(path: Path) -> None:
    with listening(path):
        with pytest.raises(OSError, match="already in use") as raised:
            listen_at(path)
        assert raised.value.errno == errno.EADDRINUSE
        assert connected(path)


def test_a_server_with_as_many_waiting_as_may_is_alive(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))
        with pytest.raises(OSError, match="already in use"):
            listen_at(path)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_socket_is_left(path: Path, kind: str) -> None:
    if kind == "file":
        path.write_text("mine")
    else:
        path.symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        listen_at(path)
    assert path.is_symlink() or path.read_text() == "mine"


def test_it_goes_with_its_server(path: Path) -> None:
    with listening(path) as file:
        file.remove()
        assert not path.exists()
        file.remove()


def test_one_that_never_was_there_needs_no_removal(path: Path) -> None:
    SocketFile(path, None).remove()
    path.touch()
    SocketFile(path, None).remove()
    assert path.exists()


def test_another_servers_does_not(path: Path) -> None:
    with listening(path) as file:
        path.unlink()
        with listening(path):
            file.remove()
            assert connected(path)


def test_of_two_that_find_a_dead_servers_one_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(path):
        pass
    barrier, ask = threading.Barrier(2), socket_file._answers

    def slowly(socket_path: Path) -> bool:
        answer = ask(socket_path)
        with suppress(threading.BrokenBarrierError):  # both at the same time, if both may look
            barrier.wait(1)
        return answer

    monkeypatch.setattr(socket_file, "_answers", slowly)
    outcomes: list[socket.socket | OSError] = []

    def start() -> None:
        try:
            outcomes.append(listen_at(path)[0])
        except OSError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, socket.socket)]
    with closing(winner):
        assert connected(path)
        assert [outcome.errno for outcome in outcomes if isinstance(outcome, OSError)] == [errno.EADDRINUSE]
