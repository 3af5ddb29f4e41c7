"""nginx before a server on a UNIX socket."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from tests.e2e.deployment import TUS
from tests.support.certificates import Certificate
from tests.support.proxies import in_front
from tests.support.server import serving


async def test_location_names_what_the_client_asked(certificate: Certificate, tmp_path: Path) -> None:
    path = tmp_path / "s"

    def edit(text: str) -> str:
        return text.replace("    keepalive 64;", f"    server unix:{path};\n    keepalive 64;")

    async with (
        serving(tmp_path, unix_socket=path, behind_proxy=True, trusted_proxies="192.0.2.1", log_access=True) as server,
        in_front("nginx", tmp_path / "nginx", certificate, [], edit) as front,
        aiohttp.ClientSession() as session,
    ):
        async with session.post(front.url, headers={**TUS, "Upload-Length": "5"}, ssl=front.tls()) as answer:
            assert answer.status == 201
            assert answer.headers["Location"].startswith(front.url)
        assert "remote=unix:" in server.log()
