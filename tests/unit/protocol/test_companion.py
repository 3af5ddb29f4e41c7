"""The JSON of Uppy Companion's S3 routes, and S3's XML, read and written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.uploads import upload
from tusd_py.domain.direct import DirectMode, DirectPart, Signed
from tusd_py.domain.limits import Limits
from tusd_py.domain.refusals import Malformed, Refusal, ServiceUnavailable, UploadLocked, UploadNotFound
from tusd_py.protocol import companion, s3parts, s3xml

LIMITS = Limits()
etags = st.text("0123456789abcdef-", min_size=1, max_size=40)
parts = st.lists(st.builds(DirectPart, number=st.integers(1, 10_000), etag=etags), max_size=5)


def test_a_file_as_uppy_tells_of_it() -> None:
    document = {"filename": "ä.mp4", "type": "video/mp4", "metadata": {"name": "ä.mp4", "relativePath": None, "n": 1.5}}
    begin = companion.read_begin(document, DirectMode.PARTS, LIMITS)
    assert begin.length is None
    assert begin.metadata == {
        "filename": "ä.mp4".encode(),
        "filetype": b"video/mp4",
        "name": "ä.mp4".encode(),
        "n": b"1.5",
    }


def test_a_query_tells_the_same() -> None:
    intent = companion.read_query({"filename": "a", "type": "b", "metadata[x[1]]": "y", "metadata[]": "z", "size": "7"})
    begin = companion.read_begin(intent, DirectMode.WHOLE, LIMITS)
    assert begin.metadata == {"filename": b"a", "filetype": b"b", "x[1]": b"y"}
    assert begin.length == 7


@pytest.mark.parametrize(
    ("document", "length"),
    [
        ({}, None),
        ({"size": None}, None),
        ({"size": 0}, 0),
        ({"size": "12"}, 12),
        ({"metadata": {"filesize": 12}}, 12),
        ({"size": 5, "metadata": {"filesize": "12"}}, 5),
        ({"size": 0, "metadata": {"filesize": "12"}}, 0),
        ({"size": None, "metadata": {"filesize": "12"}}, 12),
        ({"size": "", "metadata": {"filesize": "12"}}, 12),
    ],
)
def test_how_long_it_is(document: dict[str, Any], length: int | None) -> None:
    assert companion.read_begin(document, DirectMode.PARTS, LIMITS).length == length


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("filename", "type", "metadata", "size", "method", "key", "uploadId", "partNumber", "length", "parts"),
            json_values,
        ),
    )
)
def test_whatever_json_comes_is_read_or_refused(document: dict[str, Any]) -> None:
    again = companion.read_json(json.dumps(document).encode())
    for read in (
        lambda: companion.read_begin(again, DirectMode.PARTS, LIMITS),
        lambda: companion.read_begin(companion.as_begin(again), DirectMode.WHOLE, LIMITS),
        lambda: companion.read_presign(again),
        lambda: companion.read_parts(again),
    ):
        try:
            read()
        except Refusal as refusal:
            assert refusal.message.isascii()  # noqa: PT017  both outcomes are fine


@given(st.binary(max_size=40))
def test_whatever_bytes_come_are_read_or_refused(body: bytes) -> None:
    try:
        companion.read_json(body)
    except Malformed as refusal:
        assert refusal.message == "send a JSON object"  # noqa: PT017  both outcomes are fine
    try:
        s3parts.read_parts(body)
    except Malformed as refusal:
        assert refusal.message.isascii()  # noqa: PT017


@given(parts)
def test_parts_are_named_with_quotes_or_without(direct_parts: list[DirectPart]) -> None:
    for quote in ("", '"'):
        document = {
            "parts": [{"PartNumber": part.number, "ETag": f"{quote}{part.etag}{quote}"} for part in direct_parts]
        }
        assert companion.read_parts(document) == direct_parts
    for quote in ("", '"', "&quot;", "&#34;"):
        inner = "".join(
            f"<Part>\n<PartNumber> {part.number} </PartNumber><ETag>{quote}{part.etag}{quote}</ETag></Part>"
            for part in direct_parts
        )
        body = f"<CompleteMultipartUpload xmlns='x'>{inner}</CompleteMultipartUpload>".encode()
        assert s3parts.read_parts(body) == direct_parts


@pytest.mark.parametrize("parts", [None, {}, [1], [{}], [{"PartNumber": 1}], [{"PartNumber": "x", "ETag": "e"}]])
def test_parts_that_name_nothing(parts: object) -> None:
    with pytest.raises(Malformed):
        companion.read_parts({"parts": parts})


def test_an_id_in_another_form_is_unknown() -> None:
    with pytest.raises(UploadNotFound):
        companion.read_presign({"method": "PUT", "key": "k", "uploadId": "S3's own"})


def test_what_is_signed_in_each_shape() -> None:
    form, put = Signed(url="u", fields={"key": "k"}), Signed(url="u", headers={"A": "b"})
    assert companion.whole(form, 900) == {"method": "POST", "url": "u", "fields": {"key": "k"}, "expires": 900}
    assert companion.whole(put, 900) == {
        "method": "PUT",
        "url": "u",
        "fields": {},
        "headers": {"A": "b"},
        "expires": 900,
    }
    assert companion.presigned(form, "k") == {"url": "u", "key": "k", "fields": {"key": "k"}}
    assert companion.presigned(put, "k") == {"url": "u", "key": "k", "headers": {"A": "b"}}
    assert companion.presigned(Signed(url="u"), "k") == {"url": "u", "key": "k"}


def test_xml_is_escaped() -> None:
    text = s3xml.initiated(upload(), "a<b>&c", "bucket")
    assert "<Key>a&lt;b&gt;&amp;c</Key>" in text
    assert "<Message>&lt;</Message>" in s3xml.refused(Malformed("<"))


def test_who_finds_it_busy_is_told_to_ask_again() -> None:
    assert companion.status(UploadLocked()) == companion.status(ServiceUnavailable()) == 503
    assert companion.status(Malformed("")) == 400


def _completion(count: int) -> bytes:
    listed = [{"PartNumber": number, "ETag": f"{number:032x}"} for number in range(1, count + 1)]
    return json.dumps({"parts": listed}, separators=(",", ":")).encode()


def test_as_many_parts_as_there_can_be_are_read() -> None:
    assert len(companion.read_parts(companion.read_json(_completion(10_000)))) == 10_000


@pytest.mark.parametrize("value", ["{}", "[]", '{"":0}', "[0]", '"a"', "0"])
def test_what_takes_far_more_memory_than_its_text_is_not_read(value: str) -> None:
    body = f'{{"parts": [{",".join([value] * 100_000)}]}}'.encode()
    with pytest.raises(Malformed, match="too many values"):
        companion.read_json(body)


def _nested(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(values) | st.dictionaries(st.text(), values)


@given(st.recursive(st.none() | st.integers() | st.text(), _nested))
def test_what_is_short_is_read_whatever_it_is(value: Any) -> None:
    body = json.dumps({"x": value}).encode()
    assert len(body) > 1000 or companion.read_json(body) == {"x": value}


@pytest.mark.parametrize(
    "document",
    [
        b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x><Part><PartNumber>1</PartNumber><ETag>&a;</ETag></Part></x>",
        b"<x><Part><PartNumber>1</PartNumber><ETag>" + b" " * 2000 + b"</ETag></Part></x>",
        b"<x>" + b"<Part>" * 1000,
        b"<x><Part><PartNumber>1</PartNumber></Part></x>",
        b"<x>" + b"<Part><PartNumber>1</PartNumber><ETag>e</ETag></Part>" * 10_001 + b"</x>",
        b"<?xml version='1.0' encoding='utf-7'?><x>+ADw-</x",
        b"",
    ],
)
def test_documents_that_no_client_sends_are_refused(document: bytes) -> None:
    with pytest.raises(Malformed):
        s3parts.read_parts(document)


@pytest.mark.parametrize("body", [b'{"key": "\\ud800"}', b'{"key": "\xed\xa0\x80"}', '{"key": "ä"}'.encode("utf-16")])
def test_text_that_can_not_be_written_again_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        companion.read_json(body)


def test_pairs_of_surrogates_are_a_character() -> None:
    assert companion.read_json(b'{"key": "\\ud83d\\ude00"}') == {"key": "\U0001f600"}
