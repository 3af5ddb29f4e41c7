"""A stored record is the whole upload."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given

from tests.support.uploads import json_objects, upload, uploads
from tusd_py.domain.account import Account
from tusd_py.domain.answers import Answer
from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.direct import DirectMode, DirectTransfer
from tusd_py.domain.phase import Phase
from tusd_py.domain.record_json import decode, decode_entry, encode, encode_entry
from tusd_py.domain.scan import Scan, Verdict
from tusd_py.domain.trace import Trace
from tusd_py.domain.upload import Kind, Times, Upload
from tusd_py.domain.upload_id import UploadId


@given(uploads)
def test_an_upload_comes_back_as_it_was(given_upload: Upload) -> None:
    decoded = decode(encode(given_upload))
    assert decoded == given_upload
    assert list(decoded.metadata) == list(given_upload.metadata)


@given(uploads)
def test_the_text_is_ascii_whatever_a_client_sent(given_upload: Upload) -> None:
    assert encode(given_upload).isascii()


@given(json_objects)
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    assert decode_entry(encode_entry(entry)) == entry


def test_fields_of_a_newer_version_are_passed_over() -> None:
    """Members of a record that this version doesn't know are ignored, also in its hook's answer and its scan; so is a
    further element of its trace."""
    stored = json.loads(encode(FULL))
    for record in (stored, stored["answer"], stored["scan"]):
        record["colour"] = "green"
    stored["trace"].append("green")
    assert decode(json.dumps(stored)) == FULL


@pytest.mark.parametrize("field", ["kind", "phase", "etag", "partials", "expires_at"])
def test_fields_that_an_older_version_lacked_take_their_default(field: str) -> None:
    stored = json.loads(encode(upload()))
    del stored[field]
    assert decode(json.dumps(stored)) == upload()


FULL = Upload(
    id=UploadId("ab" * 16),
    kind=Kind.FINAL,
    phase=Phase.FINISHING,
    length=10,
    explicit_completion=True,
    unresumable=True,
    offset=4,
    max_length=20,
    types=("image/*",),
    name="a/b",
    place="c/d",
    bucket="other",
    key_prefix="team/",
    owner="ann",
    account=Account(name="t/ann", quota_bytes=9, reserved=6),
    trace=Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=1"),
    metadata={"filename": b"a b.txt", "raw": b"\xff"},
    partials=(UploadId("cd" * 16),),
    direct=DirectTransfer(mode=DirectMode.PARTS, presigned_until=20.0, parts_check_at=8.0),
    troubled_at=3.5,
    cursor={"parts": 1},
    etag="e",
    answer=Answer(status=201, body="made", headers={"X-Row": "7"}),
    paused_until=60.0,
    scan=Scan(verdict=Verdict.FAILED, name="Eicar", reason="scanner-unavailable"),
    asks_before_finish=True,
    asked_at=9.0,
    digest=WholeDigest(algorithm="sha256", value="00"),
    times=Times(created_at=1.0, updated_at=2.0, expires_at=50.0),
    revision=7,
)
EMPTY = Upload(id=FULL.id, length=None, times=Times(created_at=1.0, updated_at=2.0))
FULL_TEXT = (
    '{"id":"abababababababababababababababab","kind":"final","phase":"finishing","length":10,'
    '"explicit_completion":true,"offset":4,"max_length":20,"owner":"ann","metadata":{"filename":"YSBiLnR4dA==","raw":"/w=="},'
    '"partials":["cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"],"direct":"parts","troubled_at":3.5,"presigned_until":20.0,'
    '"parts_check_at":8.0,"cursor":{"parts":1},"etag":"e","digest_algorithm":"sha256","digest":"00","created_at":1.0,'
    '"updated_at":2.0,"expires_at":50.0,"revision":7,"waits":true,"signed_until":20.0,"count_at":8.0,'
    '"name":"a/b","place":"c/d","bucket":"other","key_prefix":"team/","account":"t/ann","quota_bytes":9,"reserved":6,'
    '"answer":{"status":201,"body":"made","headers":{"X-Row":"7"}},"unresumable":true,"asks_before_finish":true,"asked_at":9.0,'
    '"paused_until":60.0,"scan":{"verdict":"failed","name":"Eicar","reason":"scanner-unavailable"},'
    '"trace":["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","a=1"],"types":["image/*"]}'
)
EMPTY_TEXT = (
    '{"id":"abababababababababababababababab","kind":"regular","phase":"open","length":null,'
    '"explicit_completion":false,"offset":0,"max_length":null,"owner":null,"metadata":{},"partials":[],"direct":null,'
    '"troubled_at":null,"presigned_until":null,"parts_check_at":null,"cursor":{},"etag":null,'
    '"digest_algorithm":null,"digest":null,"created_at":1.0,"updated_at":2.0,"expires_at":null,"revision":0,'
    '"waits":false,"signed_until":null,"count_at":null}'
)


@pytest.mark.parametrize(("given_upload", "text"), [(FULL, FULL_TEXT), (EMPTY, EMPTY_TEXT)])
def test_the_text_is_what_nodes_of_the_version_before_read(given_upload: Upload, text: str) -> None:
    assert encode(given_upload) == text
    assert decode(text) == given_upload


@pytest.mark.parametrize("group", [FULL, FULL.account, FULL.times, FULL.direct, FULL.digest, FULL.answer, FULL.trace])
def test_the_full_upload_has_a_value_in_every_field(group: Any) -> None:
    """The upload `FULL` and its parts have a value other than None, False, 0 or empty in every field, so that the tests
    of the stored text cover all fields."""
    assert [field.name for field in fields(group) if getattr(group, field.name) in (None, False, 0, (), {}, "")] == []


@pytest.mark.parametrize(
    ("name", "former"),
    [("explicit_completion", "waits"), ("presigned_until", "signed_until"), ("parts_check_at", "count_at")],
)
def test_a_record_that_has_only_the_former_name_is_read(name: str, former: str) -> None:
    record = json.loads(FULL_TEXT)
    assert record[former] == record[name]
    del record[name]
    assert decode(json.dumps(record)) == FULL


def test_older_record_belongs_to_its_owners_account() -> None:
    """A record that an earlier version saved without an account gets the account of its owner."""
    record = json.loads(FULL_TEXT)
    for name in ("name", "account", "quota_bytes", "reserved"):
        del record[name]
    assert decode(json.dumps(record)) == replace(FULL, name=None, account=Account(name="ann"))
