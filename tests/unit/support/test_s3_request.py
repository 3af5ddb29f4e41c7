"""The proxy's reading of S3 requests."""

import pytest

from tests.support.s3request import COPY, parse


@pytest.mark.parametrize(
    ("method", "target", "headers", "operation"),
    [
        ("POST", "/b/k?uploads", {}, "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=u", {}, "CompleteMultipartUpload"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", {}, "UploadPart"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", {COPY: "/b/other"}, "UploadPartCopy"),
        ("PUT", "/b/k", {}, "PutObject"),
        ("PUT", "/b/k?x-id=PutObject", {}, "PutObject"),
        ("PUT", "/b/k", {COPY.title(): "/b/other"}, "CopyObject"),
        ("DELETE", "/b/k?uploadId=u", {}, "AbortMultipartUpload"),
        ("DELETE", "/b/k", {}, "DeleteObject"),
        ("GET", "/b/k?uploadId=u", {}, "ListParts"),
        ("GET", "/b/k", {"Range": "bytes=0-1"}, "GetObject"),
        ("HEAD", "/b/k", {}, "HeadObject"),
        ("POST", "/b?delete", {}, "DeleteObjects"),
        ("GET", "/b?uploads", {}, "ListMultipartUploads"),
        ("GET", "/b/?list-type=2&prefix=a%2F", {}, "ListObjectsV2"),
        ("HEAD", "/b", {}, "HeadBucket"),
        ("PATCH", "/b/k", {}, "Unknown"),
    ],
)
def test_an_operation_is_told_by_method_path_query_and_headers(
    method: str, target: str, headers: dict[str, str], operation: str
) -> None:
    assert parse(method, target, headers).operation == operation


def test_the_key_is_what_the_client_meant_before_it_was_quoted() -> None:
    request = parse("PUT", "/bucket/a%20b/%C3%BC%3F?partNumber=7&uploadId=x%2By", {})
    assert (request.bucket, request.key) == ("bucket", "a b/ü?")
    assert (request.upload_id, request.part_number) == ("x+y", 7)


def test_the_size_of_a_signed_stream_is_that_of_its_content() -> None:
    headers = {"Content-Length": "190", "x-amz-decoded-content-length": "100"}
    assert parse("PUT", "/b/k", headers).size == 100
