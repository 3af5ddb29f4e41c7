"""Keys, headers, cursors and errors: what S3 is told, and what it is understood to say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.uploads import upload, uploads
from tusd_py.domain.upload import Kind, Upload
from tusd_py.storage.s3.api.errors import S3Error, S3Missing, S3TransientError, failure, failure_from_body, translated
from tusd_py.storage.s3.attributes import UPLOAD_ID, as_fields, as_headers, object_params, user_metadata
from tusd_py.storage.s3.cursor import Part, S3Cursor, Segment, bucket_of
from tusd_py.storage.s3.grid import Grid
from tusd_py.storage.s3.keys import internal_prefix, object_key, sanitize, segment_key
from tusd_py.storage.s3.options import S3Options


@given(st.text(max_size=200))
def test_a_tamed_name_means_nothing_to_a_path_a_url_or_a_shell(filename: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]([A-Za-z0-9._-]{0,99})", sanitize(filename))


@pytest.mark.parametrize(
    ("filename", "tamed"),
    [
        ("a b.txt", "a_b.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\y.doc", "y.doc"),
        ("..", "file"),
        (".htaccess", "htaccess"),
        ("a.tar.gz", "a.tar.gz"),
        ("фильм.mp4", "file.mp4"),
        ("日本語.pdf", "file.pdf"),
        ("ü.tar.gz", "file.tar.gz"),
        ("写真 (1).jpg", "1.jpg"),
        ("отчёт 2026.docx", "2026.docx"),
        ("日本語", "file"),
        ("a.", "a"),
        ("_.x", "file.x"),
        ("x" * 200 + ".mp4", "x" * 96 + ".mp4"),
        ("", "file"),
    ],
)
def test_a_name_is_tamed_to_its_last_step(filename: str, tamed: str) -> None:
    assert sanitize(filename) == tamed


def test_a_key_follows_its_template() -> None:
    record = upload(created_at=0.0, metadata={"filename": b"x y.txt"})
    key = object_key(record, prefix="p/", template="{year}/{month}/{day}/{hour}/{id}-{filename}")
    assert key == f"p/1970/01/01/00/{record.id}-x_y.txt"


def test_partial_object_has_an_internal_key() -> None:
    record = upload(kind=Kind.PARTIAL)
    assert object_key(record, prefix="p/", template="{id}").startswith(internal_prefix("p/", record.id))


def test_no_two_segments_share_a_key() -> None:
    assert len({segment_key("", upload().id, 5) for _ in range(100)}) == 100


@given(
    uploads, st.dictionaries(st.text(st.characters(codec="ascii"), min_size=1, max_size=30), st.binary(max_size=900))
)
def test_metadata_goes_into_headers_that_are_printable_and_small(record: Upload, metadata: dict[str, bytes]) -> None:
    headers = user_metadata(upload(metadata=metadata))
    assert headers[UPLOAD_ID] == upload().id
    assert sum(len(name) + len(value) for name, value in headers.items()) <= 2048
    for text in (*headers, *headers.values()):
        assert text.isascii()
        assert text.isprintable()
    assert user_metadata(record)[UPLOAD_ID] == record.id


def test_a_client_can_not_claim_another_id() -> None:
    assert user_metadata(upload(metadata={"Tus-Id": b"mine"})) == {UPLOAD_ID: upload().id}


@given(uploads)
def test_every_header_of_an_object_is_one_line(record: Upload) -> None:
    options = S3Options(bucket="b", sse="AES256", tags={"a b": "c&d"})
    for name, value in as_headers(object_params(record, options)).items():
        assert re.fullmatch(r"[A-Za-z0-9-]+", name)
        assert value.isascii()
        assert value.isprintable()


segments = st.builds(Segment, key=st.text(max_size=5), length=st.integers(1), crc=st.integers(0, 2**32 - 1))
cursors = st.builds(
    S3Cursor,
    key=st.text(max_size=5),
    grid=st.builds(Grid, base=st.integers(1), grows=st.booleans()),
    multipart=st.none() | st.text(max_size=5),
    tail=st.lists(segments, max_size=3).map(tuple),
    etag=st.none() | st.text(max_size=5),
    bucket=st.none() | st.text(max_size=5),
)


@given(cursors)
def test_a_cursor_survives_json(cursor: S3Cursor) -> None:
    assert S3Cursor.load(json.loads(json.dumps(cursor.dump()))) == cursor
    assert S3Cursor.load({**cursor.dump(), "later": 1}) == cursor, "of another version"


@given(cursors)
def test_an_earlier_version_fails_at_other_buckets(
    cursor: S3Cursor,
) -> None:
    """A cursor of another bucket has no member `key`, so that an earlier version of this server fails on it, and
    doesn't look for the key in the storage's own bucket."""
    dumped = cursor.dump()
    assert ("key" in dumped, "bucket" in dumped) == (cursor.bucket is None, cursor.bucket is not None)
    assert bucket_of(dumped) == cursor.bucket


@given(st.builds(Part, number=st.integers(1), length=st.integers(1), etag=st.text(), crc=st.none() | st.text()))
def test_a_part_survives_json(part: Part) -> None:
    assert Part.from_entry(json.loads(json.dumps(part.to_entry()))) == part


ERRORS: list[tuple[int, str, type[S3Error]]] = [
    (404, "NoSuchKey", S3Missing),
    (404, "NoSuchUpload", S3Missing),
    (404, "404", S3TransientError),
    (404, "", S3TransientError),
    (403, "403", S3TransientError),
    (301, "301", S3TransientError),
    (412, "412", S3TransientError),
    (200, "NoSuchUpload", S3Missing),
    (404, "NoSuchBucket", S3Error),
    (403, "AccessDenied", S3Error),
    (400, "InvalidPart", S3Error),
    (412, "PreconditionFailed", S3Error),
    (503, "SlowDown", S3TransientError),
    (500, "InternalError", S3TransientError),
    (200, "InternalError", S3TransientError),
    (400, "RequestTimeout", S3TransientError),
    (400, "BadDigest", S3TransientError),
    (429, "TooManyRequests", S3TransientError),
]


@pytest.mark.parametrize(("status", "code", "kind"), ERRORS)
def test_an_error_answer_is_of_the_kind_that_says_what_to_do(status: int, code: str, kind: type[S3Error]) -> None:
    body = f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode()
    for error in (failure("Op", status, code), failure_from_body("Op", status, body)):
        assert type(error) is kind
        assert (error.operation, error.status, error.code) == ("Op", status, code)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, S3Missing),
        (403, S3Error),
        (301, S3Error),
        (408, S3TransientError),
        (429, S3TransientError),
        (503, S3TransientError),
    ],
)
def test_a_heads_answer_is_judged_by_its_status(status: int, kind: type[S3Error]) -> None:
    assert type(failure("HeadObject", status, str(status))) is kind


@pytest.mark.parametrize(
    ("status", "code", "unanswered"),
    [
        (0, "TimeoutError", True),
        (200, "NoETag", True),
        (404, "404", True),
        (502, "502", True),
        (500, "InternalError", True),
        (503, "SlowDown", False),
        (400, "BadDigest", False),
        (403, "AccessDenied", False),
        (404, "NoSuchUpload", False),
    ],
)
def test_only_s3_itself_can_say_that_nothing_was_done(status: int, code: str, *, unanswered: bool) -> None:
    assert failure("Op", status, code).unanswered == unanswered


@pytest.mark.parametrize("error", [OSError(), TimeoutError(), ConnectionResetError()])
async def test_a_way_to_s3_that_breaks_is_trouble(error: Any) -> None:
    with pytest.raises(S3TransientError):
        async with translated("Op"):
            raise error


def test_a_form_says_the_same_as_headers_but_for_two_names() -> None:
    options = S3Options(
        bucket="b", acl="private", storage_class="STANDARD_IA", tags={"a<b": "c&d", "e": ""}, sse="AES256"
    )
    fields = as_fields(object_params(upload(metadata={"filename": b"x.txt"}), options))
    headers = as_headers(object_params(upload(metadata={"filename": b"x.txt"}), options))
    renamed = {"acl", "tagging", "x-amz-acl", "x-amz-tagging"}
    assert {n: v for n, v in fields.items() if n not in renamed} == {
        n: v for n, v in headers.items() if n not in renamed
    }
    assert fields["acl"] == headers["x-amz-acl"] == "private"
    assert fields["tagging"] == (
        "<Tagging><TagSet><Tag><Key>a&lt;b</Key><Value>c&amp;d</Value></Tag>"
        "<Tag><Key>e</Key><Value></Value></Tag></TagSet></Tagging>"
    )
    assert not renamed & as_fields(object_params(upload(), S3Options(bucket="b"))).keys()
