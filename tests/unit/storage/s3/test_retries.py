"""Calls to S3 as they are tried again and counted."""

from __future__ import annotations

import asyncio

import pytest

from tusd_py.domain.errors import UploadLost
from tusd_py.ports.meter import Meter
from tusd_py.storage.s3.api.errors import S3Error, S3TransientError
from tusd_py.storage.s3.retries import Retries


class CountingMeter(Meter):
    """A meter that keeps the outcome of each attempt of a request to S3."""

    def __init__(self) -> None:
        self.outcomes = list[str]()

    def s3_request(self, operation: str, seconds: float, outcome: str) -> None:  # noqa: ARG002 - the port's signature
        self.outcomes.append(outcome)


async def test_an_attempt_that_is_cancelled_is_no_success() -> None:
    meter = CountingMeter()
    calling = asyncio.create_task(Retries(meter).call("ListParts", asyncio.Event().wait))
    await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert meter.outcomes == ["cancelled"]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (S3Error("Op", 403, "AccessDenied"), "AccessDenied"),
        (S3Error("Op", 403, ""), "failed"),
        (UploadLost(), "failed"),
    ],
)
async def test_an_attempt_that_fails_counts_by_its_error(error: Exception, outcome: str) -> None:
    async def fail() -> None:
        raise error

    meter = CountingMeter()
    with pytest.raises(type(error)):
        await Retries(meter).call("Op", fail)
    assert meter.outcomes == [outcome]


async def test_each_attempt_counts() -> None:
    errors: list[Exception] = [S3TransientError("Op", 503, "SlowDown")]

    async def succeed_at_last() -> str:
        if errors:
            raise errors.pop()
        return "done"

    meter = CountingMeter()
    assert await Retries(meter).call("Op", succeed_at_last) == "done"
    assert meter.outcomes == ["SlowDown", "ok"]
