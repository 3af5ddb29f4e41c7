"""The types of the members of an archive, where types are limited."""

from __future__ import annotations

import base64

import aiohttp
import pytest

from tests.jobs.archives import zipped
from tests.jobs.asking import JobClient
from tests.support.installation import Start
from tusd_py.jobs.member_types import suggested_type


@pytest.mark.parametrize(
    ("filename", "media_type"),
    [
        ("a.PNG", "image/png"),
        ("a.b.txt", "text/plain"),
        ("a.tar.gz", "application/gzip"),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.exe", "application/octet-stream"),
        ("txt", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("data:image/png,a", "application/octet-stream"),
    ],
)
def test_a_file_name_suggests_a_type(filename: str, media_type: str) -> None:
    assert suggested_type(filename) == media_type


async def test_allowed_types_judge_members(start: Start, session: aiohttp.ClientSession) -> None:
    server = start(allowed_types="application/zip,image/png")
    await server.start()
    client = JobClient(session, server)
    archives = [zipped({"a.png": b"1", "b.PNG": b"2"}), zipped({"a.png": b"1", "b.exe": b"2"})]
    uploads = [await client.uploaded(data, filetype="application/zip") for data in archives]
    jobs = [await client.do(upload, "unzip") for upload in uploads]
    assert [job["phase"] for job in jobs] == ["done", "failed"]
    assert jobs[1]["error"]["code"] == "type-not-allowed"
    metadata = (await client.head(jobs[0]["result"]["uploads"][1]["url"])).headers["Upload-Metadata"]
    values = dict(word.split(" ") for word in metadata.split(","))
    assert base64.b64decode(values["filetype"]) == b"image/png"
