"""Lists of uploads as NDJSON, CSV and JSON, read by the parsers of the standard library."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.uploads import changed, upload, uploads
from tusd_py.domain.scan import Scan, Verdict
from tusd_py.domain.upload import Upload
from tusd_py.protocol.listing import COLUMNS, CSV, FORMATS, JSON, NDJSON, csv_row, ndjson_line
from tusd_py.protocol.upload_object import upload_object

ENDPOINT = "https://host/files/"


def row(**changes: Any) -> Mapping[str, Any]:
    return upload_object(upload(**changes), 7, ENDPOINT, now=2.0)


def cells(members: Mapping[str, Any]) -> Mapping[str, str]:
    (line,) = csv.reader(io.StringIO(csv_row(members).decode(), newline=""), strict=True)
    return dict(zip(COLUMNS, line, strict=True))


def test_a_csv_has_the_columns_of_the_contract() -> None:
    assert CSV.head == (
        b"id,seq,kind,phase,length,offset,filename,filetype,owner,etag,created,updated,expires,scan,metadata\r\n"
    )
    metadata = {"k": "ü".encode(), "filename": b'a "b",\r\nc', "filetype": b"text/plain"}
    line = cells(row(metadata=metadata, owner="bob", scan=Scan(verdict=Verdict.CLEAN)))
    created = "1970-01-01T00:00:01.000000Z"
    assert list(line.values()) == [
        *(f"{1:032x}", "7", "regular", "open", "10", "0", 'a "b",\r\nc', "text/plain", "bob"),
        *("", created, created, "", "clean"),
        '{"filename": "a \\"b\\",\\r\\nc", "filetype": "text/plain", "k": "ü"}',
    ]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
@pytest.mark.parametrize("column", ["filename", "filetype", "owner"])
def test_no_cell_is_a_formula(column: str, first: str) -> None:
    text = f"{first}1+1"
    members = row(owner=text) if column == "owner" else row(metadata={column: text.encode()})
    assert cells(members)[column] == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", " =1", "'=1", "\n=1"])
def test_other_cells_are_as_they_were(text: str) -> None:
    assert cells(row(metadata={"filename": text.encode()}))["filename"] == text


@given(uploads, st.integers(0, 10**18))
def test_each_upload_is_one_line_that_other_parsers_read(anyone: Upload, seq: int) -> None:
    dated = changed(anyone, created_at=1.0, updated_at=2.0, expires_at=3.0)
    members = upload_object(dated, seq, ENDPOINT, now=0.0)
    line = ndjson_line(members)
    assert json.loads(line) == members
    assert len(line.decode().splitlines()) == 1
    read = cells(members)
    assert json.loads(read["metadata"]) == members["metadata"]
    assert read["etag"] == (members["etag"] or "")


def test_line_breaks_of_unicode_break_no_line() -> None:
    members = row(metadata={"filename": "a\u2028b\u0085c".encode()})
    assert len(ndjson_line(members).decode().splitlines()) == 1


def test_each_format_ends_in_a_way_of_its_own() -> None:
    assert json.loads(NDJSON.end("9", 2)) == {"end": {"cursor": "9", "count": 2}}
    assert json.loads(NDJSON.fault("unavailable", "8")) == {"error": {"code": "unavailable", "cursor": "8"}}
    assert (CSV.end("9", 2), CSV.fault("unavailable", "8")) == (b"\r\n", b"")
    rows = JSON.separator.join(JSON.row(row(length=length)) for length in (1, 2))
    assert json.loads(JSON.head + rows + JSON.end("9", 2)) == {
        "uploads": [row(length=1), row(length=2)],
        "end": {"cursor": "9", "count": 2},
    }
    assert json.loads(JSON.head + JSON.fault("unavailable", "8")) == {
        "uploads": [],
        "error": {"code": "unavailable", "cursor": "8"},
    }


def test_the_formats_have_their_types() -> None:
    assert {name: form.content_type for name, form in FORMATS.items()} == {
        "ndjson": "application/x-ndjson",
        "csv": "text/csv; charset=utf-8; header=present",
        "json": "application/json",
    }
