"""Advice to an operator about an error of S3."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tusd_py.storage.s3.api.errors import S3Error, failure, failure_from_body, translated

ELSEWHERE = b"<Error><Code>PermanentRedirect</Code></Error>"
MALFORMED = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-1</Region></Error>"


@pytest.mark.parametrize(("status", "body", "header"), [(301, ELSEWHERE, "eu-central-1"), (400, MALFORMED, None)])
def test_a_bucket_that_is_elsewhere_is_named_with_its_region(status: int, body: bytes, header: str | None) -> None:
    assert "set AWS_REGION to eu-central-1," in str(failure_from_body("PutObject", status, body, header))


async def test_botocore_hears_the_region_in_a_header_too() -> None:
    meta = {"HTTPStatusCode": 301, "HTTPHeaders": {"x-amz-bucket-region": "eu-central-1"}}
    answer = {"Error": {"Code": "PermanentRedirect"}, "ResponseMetadata": meta}
    with pytest.raises(S3Error, match="set AWS_REGION to eu-central-1,"):
        async with translated("CreateMultipartUpload"):
            raise ClientError(answer, "CreateMultipartUpload")


def test_only_what_can_be_a_region_is_repeated() -> None:
    text = str(failure("PutObject", 301, "PermanentRedirect", "x\n<b>"))
    assert "set AWS_REGION to its region," in text
    assert "<b>" not in text


def test_an_error_that_no_setting_mends_is_left_alone() -> None:
    assert str(failure("PutObject", 403, "AccessDenied", "eu-central-1")) == "S3 PutObject: 403 AccessDenied"
