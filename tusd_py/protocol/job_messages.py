"""The messages of the routes of jobs: requests in JSON, and jobs as server-sent events and lines of NDJSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tusd_py.domain.job import Job
from tusd_py.domain.job_faults import BadJob
from tusd_py.domain.refusals import Malformed, UploadNotFound
from tusd_py.domain.upload_id import UploadId, parse_upload_id
from tusd_py.protocol.companion import read_json
from tusd_py.protocol.job_object import job_object

_MEMBERS = frozenset({"upload", "kind", "args"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A client's request to begin a job on an upload, with the kind and the arguments of the job."""

    upload_id: UploadId
    kind: str
    args: Mapping[str, Any]


def read_request(body: bytes) -> JobRequest:
    """Return the request in the body. Raises BadJob; UploadNotFound if its `upload` is a text that can't be an upload's
    id."""
    try:
        message = read_json(body)
    except Malformed as error:
        raise BadJob(error.message) from None
    upload, kind, args = message.get("upload"), message.get("kind"), message.get("args", {})
    fits = isinstance(upload, str) and isinstance(kind, str) and isinstance(args, Mapping)
    if not fits or message.keys() - _MEMBERS:
        raise BadJob('send {"upload":"id","kind":"checksum","args":{}}')
    upload_id = parse_upload_id(str(upload))
    if upload_id is None:
        raise UploadNotFound
    return JobRequest(upload_id=upload_id, kind=str(kind), args=args)


def job_text(job: Job) -> str:
    """Return the job as JSON on one line of ASCII."""
    return json.dumps(job_object(job), separators=(",", ":"))


def job_event(job: Job) -> bytes:
    """Return the server-sent event of the job's present state."""
    return f"event: job\nid: {job.revision}\ndata: {job_text(job)}\n\n".encode()


def end_event(job: Job) -> bytes:
    """Return the server-sent event that ends the stream of a job that has ended."""
    return f"event: end\nid: {job.revision}.end\ndata: {job_text(job)}\n\n".encode()


def job_line(job: Job) -> bytes:
    """Return the job as a line of NDJSON."""
    return f"{job_text(job)}\n".encode()
