"""Credentials that expire, and an issuer that hands out old ones, or none."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiobotocore.session import get_session

from devtools.identity import REGION, Identity
from devtools.seaweed import SeaweedFS
from tests.faults.journeys import LARGE, PART
from tests.support.direct import DirectClient
from tests.support.exchange import Answer
from tests.support.node import MIB, Node
from tests.support.tus import TusClient, until
from tusd_py.domain.errors import StorageUnavailable
from tusd_py.storage.s3.api.errors import translated

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOON = timedelta(minutes=5)
"""A lifetime of credentials so short that botocore asks for new ones before each request."""


class Issuer:
    """A source of credentials: AWS clients with its `environment` get those that `issue` gave last, by a
    `credential_process`, and none after `close`."""

    def __init__(self, directory: Path) -> None:
        self._file, self._config = directory / "credentials.json", directory / "config"
        self._config.write_text(f"[default]\ncredential_process = cat {self._file}\n")

    @property
    def environment(self) -> dict[str, str]:
        nowhere = str(self._config.with_name("none"))
        places = {"AWS_CONFIG_FILE": str(self._config), "AWS_SHARED_CREDENTIALS_FILE": nowhere}
        return {**places, "AWS_DEFAULT_REGION": REGION}

    def issue(self, identity: Identity, lasting: timedelta) -> None:
        keys = {"AccessKeyId": identity.access_key, "SecretAccessKey": identity.secret_key}
        expiration = (datetime.now(UTC) + lasting).isoformat()
        self._file.write_text(json.dumps({"Version": 1, **keys, "Expiration": expiration}))

    def close(self) -> None:
        self._file.unlink()


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory, seaweed: SeaweedFS) -> Issuer:
    new_issuer = Issuer(tmp_path_factory.mktemp("issuer"))
    new_issuer.issue(seaweed.user, SOON)
    return new_issuer


@pytest.fixture(scope="module")
def settings(issuer: Issuer) -> dict[str, Any]:
    return {"part_size": "5MiB", "environment": issuer.environment, "direct_uploads": True, "listing": True}


@pytest.fixture
def no_surprises() -> None:
    """Do nothing, in place of the fixture in conftest.py that fails tests for a traceback in the server's log: botocore
    logs one when its credentials can't be renewed."""


async def says(node: Node, client: TusClient, status: int) -> bool:
    """Return True if /readyz answers with this status; the check behind the answer may be some seconds old."""
    return (await client.fetch(f"{node.server.origin}/readyz")).status == status


@pytest.mark.parametrize(
    "fail",
    [lambda issuer, identity: issuer.issue(identity, -SOON), lambda issuer, _: issuer.close()],
    ids=["old ones", "none"],
)
async def test_without_credentials_that_last_uploads_wait_for_new_ones(
    node: Node, client: TusClient, issuer: Issuer, seaweed: SeaweedFS, fail: Callable[[Issuer, Identity], None]
) -> None:
    issuer.issue(seaweed.user, SOON)
    url, done = await client.create(len(LARGE)), await client.create(3, b"abc")
    assert (await client.patch(url, 0, LARGE[: PART + MIB])).status == 204
    fail(issuer, seaweed.user)
    assert unavailable(await client.patch(url, PART + MIB, LARGE[PART + MIB :]))
    assert unavailable(await client.try_create(3, b"abc"))
    assert unavailable(await client.fetch(done))
    await until(lambda: says(node, client, 503))
    assert await client.offset(url) == PART + MIB
    issuer.issue(seaweed.admin, SOON)
    await until(lambda: says(node, client, 200))
    assert (await client.patch(url, PART + MIB, LARGE[PART + MIB :])).offset == len(LARGE)
    assert await node.stored(url) == LARGE
    assert await node.stored(done) == b"abc"


async def test_without_credentials_nothing_is_signed(
    node: Node, client: TusClient, issuer: Issuer, seaweed: SeaweedFS
) -> None:
    """A direct upload that can't be signed leaves no record."""

    async def listed() -> list[str]:
        return [row["id"] for row in (await client.fetch(f"{node.server.origin}/uploads?format=json")).json["uploads"]]

    async with aiohttp.ClientSession() as session:
        direct = DirectClient(session, node.server.url)
        upload, before = await direct.begin(), await listed()
        issuer.close()
        assert unavailable(await direct.ask("GET", "params", filename="lost.txt", type="text/plain", size=3))
        assert unavailable(await direct.sign(upload, 1))
        assert await listed() == before
        issuer.issue(seaweed.user, SOON)
        assert (await direct.sign(upload, 1)).status == 200


def unavailable(answer: Answer) -> bool:
    return answer.status == 503 and int(answer.headers["Retry-After"]) > 0


async def test_expired_credentials_make_storage_unavailable(
    issuer: Issuer, seaweed: SeaweedFS, monkeypatch: pytest.MonkeyPatch
) -> None:
    """botocore's failure to renew expired credentials is raised as StorageUnavailable."""
    issuer.issue(seaweed.user, -SOON)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in issuer.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageUnavailable):
        await _frozen()


async def _frozen() -> None:
    async with translated("PutObject"):
        credentials = await get_session().get_credentials()
        assert credentials is not None
        await credentials.get_frozen_credentials()
