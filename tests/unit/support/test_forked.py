"""Programs in forked processes."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from tests.support.forked import Forked


def fork(program: str, *arguments: str, directory: Path, **environment: str) -> Forked:
    (directory / "cwd").mkdir(exist_ok=True)
    place = {"cwd": directory / "cwd", "out": directory / "out", "err": directory / "err"}
    return Forked(program, arguments, environment=environment, **place)


async def test_it_runs_as_an_interpreter_would(tmp_path: Path) -> None:
    program = "import os, sys, tempfile; print(sys.argv, os.getcwd(), dict(os.environ), tempfile.gettempdir())"
    process = fork(program, "a", "b c", directory=tmp_path, TMPDIR=str(tmp_path))
    assert await process.wait() == 0
    cwd, environment = tmp_path / "cwd", {"TMPDIR": str(tmp_path)}
    assert (tmp_path / "out").read_text() == f"['-c', 'a', 'b c'] {cwd} {environment} {tmp_path}\n"
    assert (tmp_path / "err").read_text() == ""


async def test_output_is_added_to_a_file(tmp_path: Path) -> None:
    for word in ("one", "two"):
        assert await fork(f"print({word!r})", directory=tmp_path).wait() == 0
    assert (tmp_path / "out").read_text() == "one\ntwo\n"


@pytest.mark.parametrize(
    ("program", "code"), [("raise SystemExit(7)", 7), ("1 / 0", 1), ("import os; os.kill(os.getpid(), 15)", -15)]
)
async def test_its_end_is_told_by_a_code(tmp_path: Path, program: str, code: int) -> None:
    process = fork(program, directory=tmp_path)
    assert (await process.wait(), process.returncode) == (code, code)
    assert ("ZeroDivisionError" in (tmp_path / "err").read_text()) is (code == 1)


async def test_it_can_be_killed_once(tmp_path: Path) -> None:
    process = fork("import time; time.sleep(600)", directory=tmp_path)
    assert process.returncode is None
    process.kill()
    assert await process.wait() == -signal.SIGKILL
    process.kill()
    assert not psutil.pid_exists(process.pid)


@pytest.mark.parametrize(("environment", "code"), [({}, 0), ({"PYTHONWARNINGS": "error"}, 1)])
async def test_warnings_are_errors_where_asked(tmp_path: Path, environment: dict[str, str], code: int) -> None:
    program = "import warnings; warnings.warn('careful')"
    assert await fork(program, directory=tmp_path, **environment).wait() == code


async def test_the_server_is_imported_already(tmp_path: Path) -> None:
    program = "import sys; print('tusd_py.server.app' in sys.modules, 'aiobotocore.client' in sys.modules)"
    assert await fork(program, directory=tmp_path).wait() == 0
    assert (tmp_path / "out").read_text() == "True True\n"
