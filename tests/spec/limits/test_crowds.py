"""Limits of concurrent requests. Above a limit of one client the answer is 429, above that of the server 503, both
with Retry-After; HEAD is never refused."""

from __future__ import annotations

import pytest

from tests.support.exchange import Answer
from tests.support.raw import stalled_patch
from tests.support.tus import TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

ONE, OTHER = {"x_forwarded_for": "192.0.2.1"}, {"x_forwarded_for": "192.0.2.2"}
BEGIN = {"upload_length": 3, "content_type": "application/offset+octet-stream"}


def says(answer: Answer, status: int, code: str) -> bool:
    """Return True if the answer has this status and code, and a Retry-After above 0."""
    text = answer.body.decode().partition(":")[0]
    return (answer.status, text) == (status, code) and int(answer.headers["Retry-After"]) > 0


async def two_uploads(tus: TusClient) -> list[str]:
    await room(tus)
    return [await tus.create(10) for _ in range(2)]


async def room(tus: TusClient) -> None:
    """Wait until the server counts no upload that is being written."""

    async def there_is() -> bool:
        return await tus.metric("uploads_in_flight") == 0

    await until(there_is)


async def test_a_client_has_so_many_uploads_at_a_time(tus_shared: TusClient) -> None:
    tus, (busy, waiting) = tus_shared, await two_uploads(tus_shared)
    async with stalled_patch(tus, busy, 0, b"abc", **ONE):
        assert says(await tus.patch(waiting, 0, b"abc", **ONE), 429, "too-many-requests")
        assert says(await tus.post(b"abc", **BEGIN, **ONE), 429, "too-many-requests")
        assert (await tus.head(waiting, **ONE)).offset == 0
        assert (await tus.patch(waiting, 0, b"abc", **OTHER)).offset == 3
        assert (await tus.head(busy, **ONE)).offset == 3, "which ends the upload"
    assert (await tus.patch(waiting, 3, b"def", **ONE)).offset == 6


async def test_forged_forwarded_address_is_the_same_client(tus_shared: TusClient) -> None:
    """A client that sends its own X-Forwarded-For before the proxy's entry gains nothing."""
    tus, (busy, waiting) = tus_shared, await two_uploads(tus_shared)
    async with stalled_patch(tus, busy, 0, b"abc", **ONE):
        forwarded = f"198.51.100.7, {ONE['x_forwarded_for']}"
        assert says(await tus.patch(waiting, 0, b"abc", x_forwarded_for=forwarded), 429, "too-many-requests")


async def test_a_client_has_so_many_requests_at_a_time(tus_narrow: TusClient) -> None:
    tus, (busy, waiting) = tus_narrow, await two_uploads(tus_narrow)
    async with stalled_patch(tus, busy, 0, b"abc", **ONE):
        for method in ("PATCH", "DELETE", "GET"):
            assert says(await tus.request(method, waiting, **ONE), 429, "too-many-requests")
        assert says(await tus.post(upload_length=3, **ONE), 429, "too-many-requests")
        assert (await tus.head(waiting, **ONE)).offset == 0
        assert (await tus.options(**ONE)).status == 204
        assert (await tus.request("DELETE", waiting, **OTHER)).status == 204


async def test_a_node_has_so_many_uploads_at_a_time(tus_narrow: TusClient) -> None:
    tus, (busy, waiting) = tus_narrow, await two_uploads(tus_narrow)
    async with stalled_patch(tus, busy, 0, b"abc", **ONE):
        assert says(await tus.patch(waiting, 0, b"abc", **OTHER), 503, "unavailable")
        assert says(await tus.post(b"abc", **BEGIN, **OTHER), 503, "unavailable")
        assert (await tus.head(waiting, **OTHER)).offset == 0
    await room(tus)
    assert (await tus.patch(waiting, 0, b"abc", **OTHER)).offset == 3
