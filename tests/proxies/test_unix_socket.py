"""nginx before a server on a UNIX socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp

from devtools.certificates import Certificate
from devtools.proxies import Nginx
from tests.support.parts import started
from tests.support.server import serving
from tests.support.tus import TusClient


async def test_location_names_what_the_client_asked(certificate: Certificate, tmp_path: Path) -> None:
    path = tmp_path / "s"

    def edit(text: str) -> str:
        return text.replace("    keepalive 64;", f"    server unix:{path};\n    keepalive 64;")

    trust: dict[str, Any] = {"behind_proxy": True, "trusted_proxies": "192.0.2.1"}
    async with serving(tmp_path, unix_socket=path, log_access=True, **trust) as server:
        with started(Nginx(tmp_path / "nginx", certificate, [], edit)) as front:
            connector = aiohttp.TCPConnector(ssl=front.tls())
            async with aiohttp.ClientSession(connector=connector) as session:
                assert (await TusClient(session, front.url).create(5)).startswith(front.url)
        assert "remote=unix:" in server.log()
