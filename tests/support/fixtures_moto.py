"""Fixtures around moto: an S3 whose parts may be as small as a test likes. Lenient, so never the only judge."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from botocore.session import get_session

from tests.support.family import mortal
from tests.support.identity import REGION
from tests.support.ports import free_port

_SERVE = (
    "from moto.server import ThreadedMotoServer as S; import sys, threading; "
    "S(ip_address='127.0.0.1', port=int(sys.argv[1]), verbose=False).start(); threading.Event().wait()"
)
READY_WITHIN = 30.0


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    """The URL of an S3 with the bucket `uploads` that takes parts of any size."""
    port = free_port()
    process = subprocess.Popen(
        mortal(sys.executable, "-c", _SERVE, str(port)),
        env={**os.environ, "S3_UPLOAD_PART_MIN_SIZE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _make_bucket(endpoint)
        yield endpoint
    finally:
        process.kill()
        process.wait()


def _make_bucket(endpoint: str) -> None:
    client = get_session().create_client(
        "s3", region_name=REGION, endpoint_url=endpoint, aws_access_key_id="any", aws_secret_access_key="any"
    )
    give_up = time.monotonic() + READY_WITHIN
    while True:
        try:
            client.create_bucket(Bucket="uploads")
        except Exception:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)
        else:
            client.close()
            return
