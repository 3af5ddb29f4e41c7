from __future__ import annotations

import pytest

from tusd_py.serving.media_types import UNKNOWN, is_safe_inline, media_type


def parse(value: str) -> str:
    return media_type({"filetype": value.encode()})


@pytest.mark.parametrize(
    "value",
    [
        "image/png",
        "application/vnd.ms-excel",
        "audio/ogg; codecs=opus",
        'video/webm; codecs="vp8, opus"',
    ],
)
def test_a_well_formed_type_is_kept_with_its_parameters(value: str) -> None:
    assert parse(value) == value


def test_names_are_lower_case_and_spacing_is_our_own() -> None:
    assert parse(' Text/HTML ;Charset="ISO-8859-1"') == 'text/html; charset="ISO-8859-1"'


@pytest.mark.parametrize(
    "value",
    [
        "",
        "png",
        "image/",
        "/png",
        "image/png/x",
        "image/png, text/html",
        "image/png; a",
        "image/png; a=",
        "image/png; a=1; A=2",
        'image/png; a="',
        'image/png; a="\\""',
        "image/png\r\nX: y",
        "image/png\n",
        "image/pn\u011f",
        "image/" + "x" * 200,
        "text/plain" + "; a=b" * 5,
    ],
)
def test_anything_else_is_unknown(value: str) -> None:
    assert parse(value) == UNKNOWN


@pytest.mark.parametrize("key", ["filetype", "type", "contentType"])
def test_the_type_is_found_under_the_keys_clients_use(key: str) -> None:
    assert media_type({key: b"image/png"}) == "image/png"


def test_an_empty_value_makes_way_for_the_next_key() -> None:
    assert media_type({"filetype": b"", "type": b"image/png"}) == "image/png"


def test_text_without_a_charset_is_utf_8() -> None:
    assert parse("text/plain") == "text/plain; charset=utf-8"
    assert parse("text/plain; charset=latin1") == "text/plain; charset=latin1"


@pytest.mark.parametrize("value", ["image/jpeg", "image/avif", "audio/ogg; codecs=opus", "video/mp4", "text/plain"])
def test_what_browsers_only_show_may_be_inline(value: str) -> None:
    assert is_safe_inline(parse(value))


@pytest.mark.parametrize(
    "value",
    [
        "text/html",
        "image/svg+xml",
        "application/xml",
        "application/xml-dtd",
        "text/xml-external-parsed-entity",
        "text/xsl",
        "text/javascript1.6",
        "message/rfc822",
        "text/xml",
        "application/pdf",
        "application/xhtml+xml",
        "text/javascript",
        "text/css",
        "application/zip",
        "multipart/x-mixed-replace",
        "image/png; a=1; a=2",
    ],
)
def test_active_or_unlisted_content_never_is(value: str) -> None:
    assert not is_safe_inline(parse(value))
