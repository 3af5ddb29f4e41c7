from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session

from bench.places import BUCKET, REGION
from bench.sinks import Sink, sink

LARGE = 512 * 1024


@pytest.fixture(scope="module")
def s3() -> Iterator[Sink]:
    with sink() as running:
        yield running


@pytest.fixture
def client(s3: Sink) -> Any:
    s3.counts()
    return get_session().create_client(
        "s3",
        endpoint_url=s3.endpoint,
        region_name=REGION,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(s3={"addressing_style": "path"}),
    )


def test_a_small_object_comes_back_with_its_metadata(client: Any) -> None:
    client.put_object(Bucket=BUCKET, Key="small", Body=b"info", Metadata={"tus": "yes"}, ContentType="text/plain")
    answer = client.get_object(Bucket=BUCKET, Key="small")
    assert (answer["Body"].read(), answer["Metadata"], answer["ContentType"]) == (b"info", {"tus": "yes"}, "text/plain")


def test_of_a_large_object_only_the_size_is_kept(client: Any) -> None:
    client.put_object(Bucket=BUCKET, Key="large", Body=b"x" * LARGE)
    assert client.head_object(Bucket=BUCKET, Key="large")["ContentLength"] == LARGE
    assert client.get_object(Bucket=BUCKET, Key="large", Range="bytes=10-19")["Body"].read() == bytes(10)


def test_parts_are_listed_and_make_an_object(client: Any) -> None:
    multipart = client.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    parameters = {"Bucket": BUCKET, "Key": "parts", "UploadId": multipart}
    for number in (1, 2, 3):
        client.upload_part(**parameters, PartNumber=number, Body=bytes(number * 1000))
    first = client.list_parts(**parameters, MaxParts=2)
    assert ([part["Size"] for part in first["Parts"]], first["IsTruncated"]) == ([1000, 2000], True)
    assert [part["Size"] for part in client.list_parts(**parameters, PartNumberMarker=2)["Parts"]] == [3000]
    client.complete_multipart_upload(**parameters, MultipartUpload={"Parts": []})
    assert client.head_object(Bucket=BUCKET, Key="parts")["ContentLength"] == 6000


def test_a_multipart_upload_that_was_aborted_is_gone(client: Any) -> None:
    multipart = client.create_multipart_upload(Bucket=BUCKET, Key="aborted")["UploadId"]
    client.abort_multipart_upload(Bucket=BUCKET, Key="aborted", UploadId=multipart)
    with pytest.raises(ClientError, match="NoSuchUpload"):
        client.list_parts(Bucket=BUCKET, Key="aborted", UploadId=multipart)


def test_requests_and_bytes_are_counted_by_operation_until_asked(client: Any, s3: Sink) -> None:
    client.put_object(Bucket=BUCKET, Key="counted", Body=b"12345")
    client.delete_object(Bucket=BUCKET, Key="counted")
    assert s3.counts() == {
        "requests": {"PutObject": 1, "DeleteObject": 1},
        "bytes": {"PutObject": 5, "DeleteObject": 0},
    }
    assert s3.counts() == {"requests": {}, "bytes": {}}


@pytest.mark.parametrize("size", [5, LARGE])
def test_a_body_in_chunks_is_read_to_its_end(client: Any, s3: Sink, size: int) -> None:
    connection = HTTPConnection("127.0.0.1", s3.port)
    headers = {"x-amz-decoded-content-length": str(size)}
    for _ in range(2):
        connection.request("PUT", f"/{BUCKET}/chunked", iter([b"x" * size]), headers, encode_chunked=True)
        assert connection.getresponse().read() == b""
    connection.close()
    assert client.head_object(Bucket=BUCKET, Key="chunked")["ContentLength"] == size
    assert s3.counts()["bytes"]["PutObject"] == 2 * size
