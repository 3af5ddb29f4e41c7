"""What is stored of an upload is the upload."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from tests.support.uploads import json_objects, upload, uploads
from tusd_py.domain.record_json import decode, decode_entry, encode, encode_entry
from tusd_py.domain.upload import Entry, Upload


@given(uploads)
def test_an_upload_comes_back_as_it_was(given_upload: Upload) -> None:
    found = decode(encode(given_upload))
    assert found == given_upload
    assert list(found.metadata) == list(given_upload.metadata)


@given(uploads)
def test_the_text_is_ascii_whatever_a_client_sent(given_upload: Upload) -> None:
    assert encode(given_upload).isascii()


@given(json_objects)
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    assert decode_entry(encode_entry(entry)) == entry


def test_fields_of_a_newer_version_are_passed_over() -> None:
    text = json.dumps(json.loads(encode(upload())) | {"colour": "green"})
    assert decode(text) == upload()


@pytest.mark.parametrize("field", ["kind", "phase", "etag", "partials", "expires_at"])
def test_fields_that_an_older_version_lacked_take_their_default(field: str) -> None:
    stored = json.loads(encode(upload()))
    del stored[field]
    assert decode(json.dumps(stored)) == upload()


@pytest.mark.parametrize(
    ("name", "former"),
    [("explicit_completion", "waits"), ("presigned_until", "signed_until"), ("parts_check_at", "count_at")],
)
def test_a_node_of_the_version_before_reads_and_writes_what_a_newer_one_does(name: str, former: str) -> None:
    value: Any = True if name == "explicit_completion" else 7.0
    record = json.loads(encode(replace(upload(), **{name: value})))
    assert record[former] == record[name] == value
    del record[name]
    assert getattr(decode(json.dumps(record)), name) == value
