"""nginx and Caddy in front of the server, with the files of config/ as they are, but for addresses and certificates."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.certificates import Certificate
from tests.support.family import mortal
from tests.support.parts import missing
from tests.support.ports import free_port
from tests.support.server import ROOT

READY_WITHIN = 20.0
HOST = "127.0.0.1"

_NGINX = """\
daemon off;
master_process off;
pid nginx.pid;
error_log nginx.log;
events {{}}
http {{
    access_log off;
    {temporary}
    include {site};
}}
"""
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_CADDY = """\
{{
	admin off
	auto_https off
	storage file_system {directory}
	servers {{"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A proxy that runs."""

    kind: str
    """A key of FRONTS."""
    port: int
    certificate: Certificate

    @property
    def url(self) -> str:
        """Of the creation endpoint."""
        return f"https://{HOST}:{self.port}/files/"

    @property
    def flags(self) -> tuple[str, ...]:
        """What curl needs to trust it."""
        return ("--cacert", str(self.certificate.authority))

    def tls(self) -> ssl.SSLContext:
        """What a client needs to trust it."""
        return ssl.create_default_context(cafile=self.certificate.authority)


Edit = Callable[[str], str]
Command = Callable[[Path, int, Certificate, Sequence[int], Edit], tuple[str, ...]]


def _nginx(directory: Path, port: int, certificate: Certificate, nodes: Sequence[int], edit: Edit) -> tuple[str, ...]:
    site = {
        "listen 443 ": f"listen {HOST}:{port} ",
        "/etc/ssl/certs/uploads.example.org.pem": str(certificate.chain),
        "/etc/ssl/private/uploads.example.org.key": str(certificate.key),
        "server 127.0.0.1:8080;": " ".join(f"server {HOST}:{node};" for node in nodes),
    }
    _shipped("nginx.conf", directory / "site.conf", site, edit)
    temporary = " ".join(f"{name}_temp_path {name};" for name in _TEMPORARY)
    main = directory / "nginx.conf"
    main.write_text(_NGINX.format(site=directory / "site.conf", temporary=temporary))
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or missing("nginx")
    return (found, "-p", str(directory), "-e", "nginx.log", "-c", str(main))


def _caddy(directory: Path, port: int, certificate: Certificate, nodes: Sequence[int], edit: Edit) -> tuple[str, ...]:
    site = {
        "{\n\tservers {": _CADDY.format(directory=directory),
        "uploads.example.org {": f"https://{HOST}:{port} {{\n\ttls {certificate.chain} {certificate.key}",
        "reverse_proxy 127.0.0.1:8080 ": f"reverse_proxy {' '.join(f'{HOST}:{node}' for node in nodes)} ",
    }
    main = directory / "Caddyfile"
    _shipped("Caddyfile", main, site, edit)
    places = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
    found = shutil.which("caddy", path=places) or missing("Caddy")
    return (found, "run", "--config", str(main), "--adapter", "caddyfile")


FRONTS: Mapping[str, Command] = {"nginx": _nginx, "caddy": _caddy}


def _shipped(name: str, target: Path, changes: Mapping[str, str], edit: Edit) -> None:
    """config/`name` with these changes, each of which must find its place, and a test's own."""
    text = edit((ROOT / "config" / name).read_text())
    for old, new in changes.items():
        assert text.count(old) == 1, f"{name}: {old}"
        text = text.replace(old, new)
    target.write_text(text)


@asynccontextmanager
async def in_front(
    kind: str, directory: Path, certificate: Certificate, nodes: Sequence[int], edit: Edit = str
) -> AsyncIterator[Front]:
    """The proxy `kind` before the ports `nodes`, with its file as `edit` makes it."""
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    command = FRONTS[kind](directory, port, certificate, nodes, edit)
    with (directory / "proxy.log").open("ab") as log:
        process = subprocess.Popen(
            mortal(*command), cwd=directory, env={**os.environ, "HOME": str(directory)}, stdout=log, stderr=log
        )
    try:
        await _until_listening(port, process, directory)
        yield Front(kind=kind, port=port, certificate=certificate)
    finally:
        process.kill()
        process.wait()


async def _until_listening(port: int, process: subprocess.Popen[bytes], directory: Path) -> None:
    async with asyncio.timeout(READY_WITHIN):
        while True:
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except OSError:
                assert process.poll() is None, (directory / "proxy.log").read_text()
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
