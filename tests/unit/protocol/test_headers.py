"""The grammars of header values."""

from __future__ import annotations

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusd_py.domain.limits import Limits
from tusd_py.domain.numbers import parse_integer
from tusd_py.domain.refusals import Malformed
from tusd_py.domain.upload import Kind
from tusd_py.protocol import headers

LIMITS = Limits()
ANY_TEXT = st.text(st.characters())
KEYS = st.text(string.ascii_letters + string.digits + string.punctuation.replace(",", ""), min_size=1, max_size=20)
METADATA = st.dictionaries(KEYS, st.binary(max_size=60), max_size=20)


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_every_offset_that_fits_64_bits_is_read_as_it_is_written(number: int) -> None:
    assert parse_integer("Upload-Offset", str(number)) == number


@pytest.mark.parametrize(
    "text", [None, "", "-1", "+1", "1.0", "0x1", "1, 1", "1 ", " 1", "1_0", "1\n", "٣", "²", "1e3", "9" * 19, "0" * 30]
)
def test_an_integer_is_ascii_digits_and_nothing_else(text: str | None) -> None:
    with pytest.raises(Malformed, match="Upload-Offset"):
        parse_integer("Upload-Offset", text)


def test_a_length_is_either_declared_or_deferred() -> None:
    assert headers.parse_length("0", None) == 0
    assert headers.parse_length(None, "1") is None


@pytest.mark.parametrize(
    ("length", "defer_length"),
    [(None, None), ("5", "1"), ("5", "0"), (None, "0"), (None, "true"), (None, "2"), (None, ""), ("-1", None)],
)
def test_a_length_that_is_neither_or_both_is_refused(length: str | None, defer_length: str | None) -> None:
    with pytest.raises(Malformed):
        headers.parse_length(length, defer_length)


@given(METADATA)
def test_metadata_comes_back_as_it_was_told(metadata: dict[str, bytes]) -> None:
    parsed = headers.parse_metadata(headers.encode_metadata(metadata), LIMITS)
    assert list(parsed.items()) == list(metadata.items())


@given(METADATA)
def test_encoded_metadata_is_printable_ascii(metadata: dict[str, bytes]) -> None:
    text = headers.encode_metadata(metadata)
    assert text.isascii()
    assert text.isprintable()


@given(METADATA)
def test_metadata_without_padding_is_parsed(metadata: dict[str, bytes]) -> None:
    """Metadata is parsed even if values lack their padding and blanks follow the commas."""
    loose = ", ".join(f"{key} {base64.b64encode(value).decode().rstrip('=')}" for key, value in metadata.items())
    assert headers.parse_metadata(loose, LIMITS) == metadata


@pytest.mark.parametrize(
    ("text", "metadata"),
    [
        ("", {}),
        ("  ", {}),
        ("flag", {"flag": b""}),
        ("flag ", {"flag": b""}),
        ("flag ,name YQ==", {"flag": b"", "name": b"a"}),
        ("name YQ", {"name": b"a"}),
        ("name /+8=", {"name": b"\xff\xef"}),
        ("name DQo=", {"name": b"\r\n"}),
        ("Name YQ==,name Yg==", {"Name": b"a", "name": b"b"}),
    ],
)
def test_metadata_is_read_leniently(text: str, metadata: dict[str, bytes]) -> None:
    assert headers.parse_metadata(text, LIMITS) == metadata


@pytest.mark.parametrize(
    "text",
    [
        ",",
        "name YQ==,",
        ",name YQ==",
        "name YQ==,,flag",
        "name YQ==,name YQ==",
        "flag,flag",
        "name Y",
        "name YQ=",
        "name YQ===",
        "name ====",
        "name YQ==YQ==",
        "name Y-_=",
        "name plain text",
        "name  YQ==",
        "nämé YQ==",
        "name ÄÖ==",
        "na\tme YQ==",
        "na\x00me YQ==",
        "name Y\nQ==",
        "name \udcff",
    ],
)
def test_metadata_against_its_grammar_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="Upload-Metadata"):
        headers.parse_metadata(text, LIMITS)


def test_metadata_has_a_cap_on_its_bytes() -> None:
    limits = Limits(max_metadata_bytes=8)
    assert headers.parse_metadata("a YWFhYQ", limits) == {"a": b"aaaa"}
    with pytest.raises(Malformed, match="8 bytes"):
        headers.parse_metadata("ab YWFhYQ", limits)


def test_metadata_has_a_cap_on_its_keys() -> None:
    limits = Limits(max_metadata_keys=2)
    assert headers.parse_metadata("a,b", limits) == {"a": b"", "b": b""}
    with pytest.raises(Malformed, match="2 keys"):
        headers.parse_metadata("a,b,c", limits)


@given(ANY_TEXT)
def test_no_text_makes_metadata_fail_otherwise_than_malformed(text: str) -> None:
    try:
        metadata = headers.parse_metadata(text, LIMITS)
    except Malformed:
        return
    assert headers.parse_metadata(headers.encode_metadata(metadata), LIMITS) == metadata


def test_sha1_is_a_checksum_algorithm() -> None:
    """SHA-1, which the checksum extension demands, is among the algorithms, with 20 bytes."""
    assert headers.CHECKSUM_ALGORITHMS["sha1"] == 20


@given(st.sampled_from(sorted(headers.CHECKSUM_ALGORITHMS)), st.binary(min_size=64, max_size=64), st.booleans())
def test_a_checksum_is_read_with_or_without_padding(algorithm: str, random: bytes, padded: bool) -> None:  # noqa: FBT001 - drawn
    digest = random[: headers.CHECKSUM_ALGORITHMS[algorithm]]
    encoded = base64.b64encode(digest).decode()
    checksum = headers.parse_checksum(f"{algorithm} {encoded if padded else encoded.rstrip('=')}")
    assert (checksum.algorithm, checksum.digest) == (algorithm, digest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha1",
        "sha1 ",
        "sha1Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
        "sha1  Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
        "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
        "sha0 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
        "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
        "sha1 not*base64",
        "sha1 MmFhZTZjMzVjOTRmY2ZiNDE1ZGJlOTVmNDA4YjljZTkxZWU4NDZlZA==",
    ],
)
def test_a_checksum_that_cannot_be_verified_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        headers.parse_checksum(text)


@pytest.mark.parametrize(
    ("text", "concat"),
    [
        ("partial", (Kind.PARTIAL, ())),
        ("partial ", (Kind.PARTIAL, ())),
        ("final;/files/a", (Kind.FINAL, ("/files/a",))),
        ("final; /files/a", (Kind.FINAL, ("/files/a",))),
        ("final;/files/b  /files/a ", (Kind.FINAL, ("/files/b", "/files/a"))),
        ("final;a a", (Kind.FINAL, ("a", "a"))),
        ("final;http://x/a;b", (Kind.FINAL, ("http://x/a;b",))),
    ],
)
def test_a_concatenation_keeps_the_order_of_its_partials(text: str, concat: tuple[Kind, tuple[str, ...]]) -> None:
    assert headers.parse_concat(text, LIMITS) == concat


@pytest.mark.parametrize(
    "text", ["", "final", "final;", "final;  ", "partial;/files/a", "Partial", "finale;a", "regular"]
)
def test_malformed_upload_concat_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="Upload-Concat"):
        headers.parse_concat(text, LIMITS)


def test_a_concatenation_has_a_cap_on_its_partials() -> None:
    limits = Limits(max_partials=2)
    assert headers.parse_concat("final;a b", limits) == (Kind.FINAL, ("a", "b"))
    with pytest.raises(Malformed, match="2 partial uploads"):
        headers.parse_concat("final;a b c", limits)


@given(st.lists(st.text(string.ascii_letters + "/:.;", min_size=1), min_size=1))
def test_a_told_concatenation_reads_as_the_same_partials(urls: list[str]) -> None:
    assert headers.parse_concat(headers.encode_final(urls), LIMITS) == (Kind.FINAL, tuple(urls))


@pytest.mark.parametrize(
    ("text", "equal"),
    [
        ("application/offset+octet-stream", True),
        ("Application/Offset+Octet-Stream", True),
        ("application/offset+octet-stream; charset=x", True),
        ("application/offset+octet-stream ;charset=x", True),
        ("application/octet-stream", False),
        ("application/offset+octet-stream, text/plain", False),
        ("", False),
        (None, False),
    ],
)
def test_a_media_type_is_matched_without_parameters_and_case(text: str | None, equal: bool) -> None:  # noqa: FBT001 - a table
    assert headers.is_media_type(text, "application/offset+octet-stream") is equal


@pytest.mark.parametrize(
    ("seconds", "date"),
    [(0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784111777.9, "Sun, 06 Nov 1994 08:49:37 GMT")],
)
def test_a_date_is_an_imf_fixdate(seconds: float, date: str) -> None:
    assert headers.http_date(seconds) == date
