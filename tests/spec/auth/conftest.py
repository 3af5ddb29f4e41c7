"""Servers that check credentials, and the uploads that two of them have stored for alice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from devtools.ports import free_port
from devtools.seaweed import SeaweedFS
from tests.spec.auth.stock import Stock, stocked
from tests.support.logins import JWT
from tests.support.sites import Site, local_site, s3_site

KEY = "key-of-the-application"
TOKEN_SECRET = "t" * 32
TOKENS = {"auth": "jwt,token", "auth_token_secret": TOKEN_SECRET, "auth_uploads": "owner"}
DIRECT = {"direct_uploads": True, "log_audit": True, "log_format": "json"}


def _keyed(directory: Path) -> dict[str, Any]:
    """Write a file of API keys, and return the settings of a server that takes these and JSON Web Tokens. Unless
    `auth-uploads` is set as well, the URL of an upload is enough to continue it."""
    (directory / "keys").write_text(f"application:{sha256(KEY.encode()).hexdigest()}\n")
    return {**JWT, "auth": "api-key,jwt", "auth_keys_file": directory / "keys"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def owned(tmp_path_factory: pytest.TempPathFactory, seaweed: SeaweedFS) -> AsyncIterator[Site]:
    """A server with direct uploads that takes JSON Web Tokens and upload tokens; only its owner continues an upload."""
    async with s3_site(tmp_path_factory.mktemp("owned"), seaweed, **{**JWT, **TOKENS}, **DIRECT) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def by_url(tmp_path_factory: pytest.TempPathFactory, seaweed: SeaweedFS) -> AsyncIterator[Site]:
    directory = tmp_path_factory.mktemp("by-url")
    async with s3_site(directory, seaweed, **_keyed(directory), **DIRECT) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A server that takes API keys and JSON Web Tokens and wants a credential for HEAD, too; only its owner continues
    an upload."""
    directory = tmp_path_factory.mktemp("strict")
    rules = {"auth_uploads": "owner", "auth_head": "required"}
    async with local_site(directory, **_keyed(directory), **rules) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def away(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A server that can't reach the URL of its keys (`auth-jwks-url`)."""
    keys = {"auth_jwks_url": f"http://127.0.0.1:{free_port()}/keys"}
    async with local_site(tmp_path_factory.mktemp("away"), **JWT, **keys) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stock_owned(owned: Site) -> Stock:
    return await stocked(owned.server.url)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stock_by_url(by_url: Site) -> Stock:
    return await stocked(by_url.server.url)
