"""AWS settings for one test, and an S3 that refuses requests signed for another region than its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.web import StreamResponse

from devtools.identity import Identity
from tests.support.s3exchange import Exchange
from tests.support.s3faults import Action, pass_on
from tests.support.server import is_foreign


def environment(directory: Path, identity: Identity, *, config: str = "", **variables: str) -> Mapping[str, str]:
    """Write `config`, the text of an AWS config file, into `directory`; return environment variables that name this
    file and the keys of `identity`, rule out other sources of credentials, and include `variables`. Only `config` and
    `variables` can name a region."""
    file = directory / "aws-config"
    file.write_text(config)
    keys = {"AWS_ACCESS_KEY_ID": identity.access_key, "AWS_SECRET_ACCESS_KEY": identity.secret_key}
    places = {"AWS_CONFIG_FILE": str(file), "AWS_SHARED_CREDENTIALS_FILE": str(directory / "none")}
    return {**keys, **places, "AWS_EC2_METADATA_DISABLED": "true", **variables}


def applied(patched: pytest.MonkeyPatch, chosen: Mapping[str, str]) -> None:
    """Set the environment variables `chosen` in this process until `patched` is undone, and remove the variables for
    AWS, TLS, proxies and this server that the machine has set."""
    for name in filter(is_foreign, list(os.environ)):
        patched.delenv(name)
    for name, value in chosen.items():
        patched.setenv(name, value)


def in_region(region: str, status: int) -> Action:
    """Return an S3 fault: a request without an Authorization for `region` gets the answer that S3 gives for another
    region, with `status`, 301 or 400, and the right region in it; any other request reaches S3."""

    async def act(exchange: Exchange) -> StreamResponse:
        if f"/{region}/s3/aws4_request" in exchange.request.headers.get("Authorization", ""):
            return await pass_on(exchange)
        await exchange.drain()
        code = "PermanentRedirect" if status == 301 else "AuthorizationHeaderMalformed"
        text = f"<Error><Code>{code}</Code><Message>m</Message>{_region_element(region, status)}</Error>"
        return web.Response(status=status, headers={"x-amz-bucket-region": region}, text=text)

    return act


def _region_element(region: str, status: int) -> str:
    return f"<Region>{region}</Region>" if status == 400 else "<Endpoint>bucket.s3.example</Endpoint>"
