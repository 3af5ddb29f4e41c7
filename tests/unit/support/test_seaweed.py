"""SeaweedFS as the tests and `make run` start it."""

import signal
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from devtools.seaweed import SeaweedFS


def test_the_user_may_use_its_buckets_and_no_other(seaweed: SeaweedFS) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        seaweed.client().create_bucket(Bucket="another")
    with pytest.raises(ClientError, match="AccessDenied"):
        seaweed.client().put_object(Bucket="another", Key="k", Body=b"")


def test_the_user_may_do_all_of_a_multipart_upload(seaweed: SeaweedFS) -> None:
    s3, where = seaweed.client(), {"Bucket": "uploads", "Key": "multipart"}
    upload = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"bytes")
    assert [entry["Size"] for entry in s3.list_parts(**upload)["Parts"]] == [5]
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    unfinished = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    s3.abort_multipart_upload(**unfinished)
    assert s3.list_multipart_uploads(Bucket="uploads", Prefix="multipart").get("Uploads", []) == []
    assert s3.get_object(**where)["Body"].read() == b"bytes"


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_objects_outlive_a_restart_and_a_crash(tmp_path: Path, sig: signal.Signals) -> None:
    with SeaweedFS(tmp_path / "with a space") as seaweed:
        endpoint, pid = seaweed.endpoint, seaweed.pid
        seaweed.client().put_object(Bucket="uploads", Key="kept", Body=b"kept")
        seaweed.stop(sig)
        assert not psutil.pid_exists(pid)
        seaweed.start()
        assert seaweed.endpoint == endpoint
        assert seaweed.client().get_object(Bucket="uploads", Key="kept")["Body"].read() == b"kept"
