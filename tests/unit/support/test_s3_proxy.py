"""The S3 proxy, between a botocore client and SeaweedFS."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from devtools.identity import REGION
from devtools.seaweed import SeaweedFS
from tests.support.s3faults import ANY, Gate, after_forwarding, delay, error, hold, reset, stall
from tests.support.s3proxy import S3Proxy
from tests.support.s3strict import Rules

BUCKET = "uploads"
PART = 5 * 1024 * 1024


@pytest.fixture
async def proxy(seaweed: SeaweedFS) -> AsyncIterator[S3Proxy]:
    async with S3Proxy(seaweed.endpoint, rules=Rules(idle_limit=0.3, equal_parts=True)) as running:
        yield running


@pytest.fixture
async def s3(seaweed: SeaweedFS, proxy: S3Proxy) -> AsyncIterator[Any]:
    """A botocore client of the proxy that doesn't retry; but aiohttp, below it, sends any request except POST a second
    time if its connection breaks."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(
            get_session().create_client(
                "s3",
                endpoint_url=proxy.endpoint,
                region_name=REGION,
                aws_access_key_id=seaweed.user.access_key,
                aws_secret_access_key=seaweed.user.secret_key,
                config=AioConfig(retries={"total_max_attempts": 1}, read_timeout=5),
            )
        )


@pytest.fixture
def key() -> str:
    return f"proxy/{uuid.uuid4().hex} ü"


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


async def test_requests_pass_with_their_signature_and_are_counted(s3: Any, proxy: S3Proxy, key: str) -> None:
    await s3.put_object(Bucket=BUCKET, Key=key, Body=b"x" * 1000, Metadata={"name": "value"})
    head = await s3.head_object(Bucket=BUCKET, Key=key)
    answer = await s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=10-19")
    assert await answer["Body"].read() == b"x" * 10
    assert (head["ContentLength"], head["Metadata"]) == (1000, {"name": "value"})
    assert proxy.counts() == {"PutObject": 1, "HeadObject": 1, "GetObject": 1}
    assert [(call.key, call.status) for call in proxy.calls] == [(key, 200), (key, 200), (key, 206)]
    assert proxy.bytes_in() >= 1000


async def test_a_wrong_signature_is_refused_behind_the_proxy_too(s3: Any, proxy: S3Proxy) -> None:
    s3._request_signer._credentials.secret_key = "wrong"
    with pytest.raises(ClientError) as caught:
        await s3.put_object(Bucket=BUCKET, Key="forged", Body=b"")
    assert code(caught) == "SignatureDoesNotMatch"
    assert proxy.calls[-1].status == 403


async def test_reset_forgets_calls_and_faults(s3: Any, proxy: S3Proxy) -> None:
    proxy.faults.rule("HeadBucket", None, error(503, "SlowDown"))
    with pytest.raises(ClientError):
        await s3.head_bucket(Bucket=BUCKET)
    proxy.reset()
    await s3.head_bucket(Bucket=BUCKET)
    assert proxy.counts() == {"HeadBucket": 1}


class Multipart:
    """A multipart upload that remembers its id and its parts."""

    def __init__(self, s3: Any, key: str) -> None:
        self._s3 = s3
        self._where = {"Bucket": BUCKET, "Key": key}
        self._parts: list[dict[str, Any]] = []

    async def begin(self) -> None:
        self._where["UploadId"] = (await self._s3.create_multipart_upload(**self._where))["UploadId"]

    async def part(self, number: int, size: int) -> None:
        answer = await self._s3.upload_part(**self._where, PartNumber=number, Body=bytes(size))
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})

    async def complete(self, **options: Any) -> Any:
        return await self._s3.complete_multipart_upload(
            **self._where, **options, MultipartUpload={"Parts": self._parts}
        )


@pytest.fixture
async def multipart(s3: Any, key: str) -> Multipart:
    upload = Multipart(s3, key)
    await upload.begin()
    return upload


async def test_equal_dense_parts_become_an_object(s3: Any, proxy: S3Proxy, key: str, multipart: Multipart) -> None:
    await multipart.part(1, PART)
    await multipart.part(2, 17)
    await multipart.complete(MpuObjectSize=PART + 17)
    assert (await s3.head_object(Bucket=BUCKET, Key=key))["ContentLength"] == PART + 17
    assert proxy.counts() == {
        "CreateMultipartUpload": 1,
        "UploadPart": 2,
        "CompleteMultipartUpload": 1,
        "HeadObject": 1,
    }


@pytest.mark.parametrize("parts", [{1: PART, 3: 17}, {2: PART}, {1: PART, 2: PART + 1, 3: 17}, {1: PART, 2: PART + 1}])
async def test_gaps_and_unequal_parts_are_refused(proxy: S3Proxy, multipart: Multipart, parts: dict[int, int]) -> None:
    for number, size in parts.items():
        await multipart.part(number, size)
    with pytest.raises(ClientError) as caught:
        await multipart.complete()
    assert code(caught) == "InvalidPart"
    assert proxy.calls[-1].status == 400


async def test_a_wrong_total_is_refused(multipart: Multipart) -> None:
    await multipart.part(1, 17)
    with pytest.raises(ClientError) as caught:
        await multipart.complete(MpuObjectSize=18)
    assert code(caught) == "InvalidRequest"


async def test_more_than_2_kb_of_metadata_is_refused(s3: Any, proxy: S3Proxy) -> None:
    with pytest.raises(ClientError) as caught:
        await s3.put_object(Bucket=BUCKET, Key="k", Body=b"", Metadata={"name": "v" * 2045})
    assert code(caught) == "MetadataTooLarge"
    await s3.put_object(Bucket=BUCKET, Key="k", Body=b"", Metadata={"name": "v" * 2044})
    assert [call.status for call in proxy.calls] == [400, 200]


async def raw(proxy: S3Proxy, *head: str, body: bytes = b"") -> bytes:
    """Send a request line, header lines (`head`, to which Host is added) and a body to the proxy; return all bytes that
    it answers until it closes the connection. Raises TimeoutError if it doesn't close it within 5 s."""
    port = int(proxy.endpoint.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join([*head, "Host: s3", "", ""]).encode() + body)
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_write_without_a_length_is_refused(proxy: S3Proxy) -> None:
    answer = await raw(proxy, "PUT /uploads/k HTTP/1.1", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 411 ")
    assert b"<Code>MissingContentLength</Code>" in answer


async def test_silent_body_is_request_timeout(proxy: S3Proxy) -> None:
    """A body that stops arriving is answered 400 RequestTimeout, and the proxy closes the connection."""
    answer = await raw(proxy, "PUT /uploads/k HTTP/1.1", "Content-Length: 10", body=b"abc")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"<Code>RequestTimeout</Code>" in answer


async def test_a_body_that_is_not_the_signed_one_is_refused(proxy: S3Proxy) -> None:
    false = f"x-amz-content-sha256: {'0' * 64}"
    answer = await raw(proxy, "PUT /uploads/k HTTP/1.1", "Content-Length: 3", false, body=b"abc")
    assert b"<Code>XAmzContentSHA256Mismatch</Code>" in answer


async def test_a_rule_hits_the_nth_request_of_its_operation_only(s3: Any, proxy: S3Proxy, key: str) -> None:
    proxy.faults.rule("PutObject", 2, error(503, "SlowDown"))
    await s3.put_object(Bucket=BUCKET, Key=key, Body=b"1")
    await s3.head_object(Bucket=BUCKET, Key=key)
    with pytest.raises(ClientError) as caught:
        await s3.put_object(Bucket=BUCKET, Key=key, Body=b"2")
    await s3.put_object(Bucket=BUCKET, Key=key, Body=b"33")
    assert code(caught) == "SlowDown"
    assert [call.status for call in proxy.calls] == [200, 200, 503, 200]


@pytest.mark.parametrize(("forwarded", "action"), [(False, reset()), (True, after_forwarding(reset()))])
async def test_a_broken_connection_hides_whether_s3_did_it(
    s3: Any, proxy: S3Proxy, key: str, *, forwarded: bool, action: Any
) -> None:
    proxy.faults.rule("PutObject", None, action)  # each one: aiohttp's client tries PUT a second time
    with pytest.raises(BotoCoreError):
        await s3.put_object(Bucket=BUCKET, Key=key, Body=b"bytes")
    assert {call.status for call in proxy.calls} == {None}
    listing = await s3.list_objects_v2(Bucket=BUCKET, Prefix=key)
    assert listing["KeyCount"] == forwarded


async def test_an_error_can_hide_in_a_200(proxy: S3Proxy, multipart: Multipart) -> None:
    proxy.faults.rule("CompleteMultipartUpload", 1, error(200, "InternalError"))
    await multipart.part(1, 17)
    with pytest.raises(ClientError) as caught:
        await multipart.complete()
    assert code(caught) == "InternalError"
    await multipart.complete()


async def test_a_stall_lasts_until_the_client_gives_up(s3: Any, proxy: S3Proxy) -> None:
    proxy.faults.rule(ANY, None, stall())
    pending = asyncio.create_task(s3.head_bucket(Bucket=BUCKET))
    async with asyncio.timeout(60):
        while not proxy.calls:  # noqa: ASYNC110 (only asking tells)
            await asyncio.sleep(0.01)
    await asyncio.wait([pending], timeout=0.2)
    assert not pending.done()
    pending.cancel()
    await asyncio.wait([pending])
    assert proxy.calls[-1].status is None


async def test_a_held_request_waits_for_its_gate(s3: Any, proxy: S3Proxy) -> None:
    gate = Gate()
    proxy.faults.rule("HeadBucket", 1, hold(gate))
    pending = asyncio.create_task(s3.head_bucket(Bucket=BUCKET))
    await gate.reached.wait()
    await s3.head_bucket(Bucket=BUCKET)
    assert [call.status for call in proxy.calls] == [None, 200]
    gate.opened.set()
    await pending
    assert [call.status for call in proxy.calls] == [200, 200]


async def test_a_delay_delays(s3: Any, proxy: S3Proxy) -> None:
    proxy.faults.rule("HeadBucket", 1, delay(0.2))
    before = asyncio.get_running_loop().time()
    await s3.head_bucket(Bucket=BUCKET)
    assert asyncio.get_running_loop().time() - before >= 0.2


async def test_s3_being_down_looks_like_it(s3: Any, proxy: S3Proxy) -> None:
    proxy._target = "http://127.0.0.1:1"
    with pytest.raises(BotoCoreError):
        await s3.head_bucket(Bucket=BUCKET)
    assert {call.status for call in proxy.calls} == {None}
