"""aiotus's own tests, unchanged: they start a binary named tusd, which here leads to this server."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

from devtools import sdist
from devtools.certificates import self_signed
from devtools.proxies import nginx
from tests.e2e.deployment import Deployment
from tests.support.parts import present
from tests.support.server import ROOT

SHIM = """\
#!{python} -IS
# Answers at once, which a server that starts can't promise: the tests wait for a second, and no longer.
import socket, sys, threading

def pump(source, target):
    try:
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass

flags = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert flags["-base-path"] == "/files/"
with socket.create_server((flags["-host"], int(flags["-port"]))) as listener:
    while True:
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", {port}))
        for pair in ((client, server), (server, client)):
            threading.Thread(target=pump, args=pair, daemon=True).start()
"""

PORTS = """\
import sys

import pytest

sys.path.append({root!r})
from devtools.ports import free_port


@pytest.fixture(scope="session")
def unused_tcp_port_factory():
    return free_port  # below the ports of connections, which other tests open all the time
"""
"""The text of a conftest.py for the folder above aiotus's tests: it gives them other ports than pytest-asyncio does."""


async def test_aiotus_passes_its_own_tests(deployment: Deployment, tmp_path: Path) -> None:
    source = present(lambda: sdist.unpack("aiotus", tmp_path))
    shim = source / "tusd"
    shim.write_text(SHIM.format(python=sys.executable, port=deployment.server.port))
    shim.chmod(0o755)
    (source / "conftest.py").write_text(PORTS.format(root=str(ROOT)))
    self_signed("localhost", source / "tests" / "selfsigned.crt", source / "tests" / "nginx.key")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PATH"] = f"{environment['PATH']}:{Path(present(nginx)).parent}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "log_cli=0", "tests"),
        cwd=source,
        env=environment,
        stdout=PIPE,
        stderr=STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert "skipped" not in output.decode()
