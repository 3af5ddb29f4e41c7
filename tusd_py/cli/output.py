"""The output of commands: uploads as lines of a table or as JSON, and CORS rules."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tusd_py.domain.upload import Upload
from tusd_py.ports.direct import CorsRule
from tusd_py.serving.dates import format_timestamp
from tusd_py.storage.s3.cors import written_rule

_LINE = "{:<32}  {:<11}  {:>27}  {:<20}  {:<20}  {}"
HEADING = _LINE.format("id", "phase", "offset/length", "created", "expires", "filename").rstrip()


def line(upload: Upload) -> str:
    """Return the upload as a line of the table below `HEADING`, with the client's file name escaped so that it can't
    control the terminal.
    """
    length = "?" if upload.length is None else upload.length
    filename = printable(upload.metadata.get("filename", b"").decode("utf-8", "backslashreplace"))
    progress = f"{upload.offset}/{length}"
    created, expires = date(upload.times.created_at) or "-", date(upload.times.expires_at) or "-"
    return _LINE.format(upload.id, upload.phase, progress, created, expires, filename).rstrip()


def as_json(upload: Upload, link: str | None, indent: int | None = None) -> str:
    """Return the main fields of the upload's record as JSON, with times in UTC.

    `link` is the path of the upload's reading link, below the creation endpoint.
    """
    record = {
        "id": upload.id,
        "kind": upload.kind,
        "direct": upload.direct and upload.direct.mode,
        "phase": upload.phase,
        "offset": upload.offset,
        "length": upload.length,
        "explicit_completion": upload.explicit_completion,
        "owner": upload.owner,
        "name": upload.name,
        "account": upload.account.name,
        "metadata": {key: value.decode("utf-8", "backslashreplace") for key, value in upload.metadata.items()},
        "partials": upload.partials,
        "etag": upload.etag,
        "link": link,
        "digest": _digest(upload),
        "created": date(upload.times.created_at),
        "updated": date(upload.times.updated_at),
        "expires": date(upload.times.expires_at),
    }
    return json.dumps(record, indent=indent)


def _digest(upload: Upload) -> str | None:
    digest = upload.digest
    return None if digest is None or digest.value is None else f"{digest.algorithm}:{digest.value}"


def rules_as_json(rules: Sequence[CorsRule]) -> str:
    """Return the rules as `aws s3api put-bucket-cors` takes them."""
    return json.dumps({"CORSRules": [written_rule(rule) for rule in rules]}, indent=2)


def date(seconds: float | None) -> str | None:
    return None if seconds is None else format_timestamp(seconds)


def printable(text: str) -> str:
    """Return the text; if it has a character that isn't printable, as one that controls the terminal, escaped like a
    Python literal in ASCII."""
    return text if text.isprintable() else ascii(text)[1:-1]
