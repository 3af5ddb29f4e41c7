"""The formats of lists of uploads, jobs and events: NDJSON, CSV (RFC 4180) and JSON.

A complete list has an end that a list that was cut off lacks: in NDJSON a last line, in JSON a last member, both with
the cursor; in CSV a blank line. A row of an upload shows its JSON object (`protocol.upload_object`), in CSV a cell for
each of `COLUMNS`. The cursor names the last row sent: by the number of an event (of an upload: its last one), or by
the id of a job; if no row was sent, it is the one with which the list began. A client sends it as `since` to get the
next list, which begins after that row.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Members = Mapping[str, Any]

COLUMNS = (
    *("id", "seq", "kind", "phase", "length", "offset", "filename", "filetype", "owner"),
    *("etag", "created", "updated", "expires", "scan", "metadata"),
)
_SUSPECT = ("=", "+", "-", "@", "\t", "\r")
"""First characters with which spreadsheets take a cell for a formula (OWASP, "CSV Injection")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFormat:
    """The pieces of a list in one format, each encoded as it is sent: `head`, then a `row` for each upload,
    job or event, then `end`, or `fault` if the list breaks off.
    """

    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header fields of the response in addition to Content-Type."""
    head: bytes = b""
    row: Callable[[Members], bytes]
    separator: bytes = b""
    """Bytes between two rows."""
    end: Callable[[str, int], bytes]
    """Returns the end of a complete list, from the cursor and the number of rows."""
    fault: Callable[[str, str], bytes]
    """Returns the end of a list that breaks off, from the code of the refusal and the cursor."""


def ndjson_line(members: Members) -> bytes:
    """Return the object as a line of NDJSON, all ASCII: some readers take characters such as U+2028 for line breaks."""
    return _json(members) + b"\n"


def end_members(cursor: str, count: int) -> Members:
    """Return the member `end` of a complete list: the list's cursor, and `count`, the number of its rows."""
    return {"end": {"cursor": cursor, "count": count}}


def fault_members(code: str, cursor: str) -> Members:
    """Return the member `error` of a list that breaks off: the code of the refusal, and the list's cursor."""
    return {"error": {"code": code, "cursor": cursor}}


def csv_row(members: Members) -> bytes:
    """Return an upload's line of CSV, with a cell for each of `COLUMNS`. `members` are those of its JSON object
    (`upload_object`)."""
    metadata = members["metadata"]
    scan = members["scan"]
    cells = {
        **members,
        "filename": _disarm(metadata.get("filename")),
        "filetype": _disarm(metadata.get("filetype")),
        "owner": _disarm(members["owner"]),
        "scan": None if scan is None else scan["verdict"],
        "metadata": json.dumps(metadata, ensure_ascii=False, sort_keys=True),
    }
    return _csv_line(cells[column] for column in COLUMNS)


def _disarm(text: str | None) -> str | None:
    """Return the text for a cell, after an apostrophe if spreadsheets would take it for a formula."""
    return f"'{text}" if text is not None and text.startswith(_SUSPECT) else text


def _csv_line(cells: Iterable[object]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _json_tail(members: Members) -> bytes:
    return b"]," + _json(members)[1:] + b"\n"


NDJSON = ListFormat(
    content_type="application/x-ndjson",
    row=ndjson_line,
    end=lambda cursor, count: ndjson_line(end_members(cursor, count)),
    fault=lambda code, cursor: ndjson_line(fault_members(code, cursor)),
)
CSV = ListFormat(
    content_type="text/csv; charset=utf-8; header=present",
    headers={"Content-Disposition": 'attachment; filename="uploads.csv"'},
    head=_csv_line(COLUMNS),
    row=csv_row,
    end=lambda _cursor, _count: b"\r\n",
    fault=lambda _code, _cursor: b"",
)
JSON = ListFormat(
    content_type="application/json",
    head=b'{"uploads":[',
    row=_json,
    separator=b",",
    end=lambda cursor, count: _json_tail(end_members(cursor, count)),
    fault=lambda code, cursor: _json_tail(fault_members(code, cursor)),
)
FORMATS: Mapping[str, ListFormat] = {"ndjson": NDJSON, "csv": CSV, "json": JSON}
"""The formats of a list of uploads by their names in queries, the default first."""
