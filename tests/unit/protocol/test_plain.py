"""Plain requests: the preferred answer, and where clients may be sent."""

from __future__ import annotations

import re

import pytest

from tusd_py.protocol.parameters import decode_extended, parse_parameters
from tusd_py.protocol.plain.answers import may_redirect
from tusd_py.protocol.plain.reading import is_plain
from tusd_py.protocol.wire import RequestHead
from tusd_py.serving.negotiation import prefers_html

OWN = "https://Files.Example:443/files/"


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        ("", False),
        ("*/*", False),
        ("text/html", True),
        ("TEXT/HTML ; q=0.9", True),
        ("text/*, */*;q=0.1", True),
        ("text/html;q=0.5, application/json;q=0.4", True),
        ("text/html;q=0.5, application/json", False),
        ("text/html, application/json", False),
        ("text/html;q=0, */*", False),
        ("text/html;q=2", True),
        (", ".join(["a/b"] * 100 + ["text/html"]), False),
    ],
)
def test_a_page_is_sent_where_it_is_preferred(accept: str, *, page: bool) -> None:
    assert prefers_html(accept) is page


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://files.example", True),
        ("HTTPS://FILES.example:443/a?b=c#d", True),
        ("https://www.example/a", True),
        ("https://www.example:0443/a", True),
        ("https://www.example:8443/a", False),
        ("http://files.example/", False),
        ("https://files.example:444/", False),
        ("https://files.example:99999/", False),
        ("https://[1:.2]/", False),
        ("https://files.example.evil/", False),
        ("https://files.example@evil/", False),
        ("https://evil\\@files.example/", False),
        ("https://files.example\r\n/", False),
        ("https://files.example/ä", False),
        ("https:files.example/", False),
        ("//files.example/", False),
        ("/done", False),
        ("javascript:alert(1)//https://files.example/", False),
        ("", False),
    ],
)
def test_clients_are_sent_to_named_origins_alone(url: str, *, allowed: bool) -> None:
    assert may_redirect(url, OWN, re.compile(r"https://www\.example")) is allowed
    assert may_redirect(url, OWN, None) is (allowed and "www" not in url)


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("form-data", {}),
        ('Form-Data ; Name = a;FILENAME="b;\\"c" ;', {"name": "a", "filename": 'b;\\"c'}),
        ('form-data; name=; filename=""', {"name": "", "filename": ""}),
        ("form-data; name=a; name=b", None),
        ('form-data; name="a', None),
        ("form-data; name", None),
        ('form-data; name="a"b', None),
    ],
)
def test_parameters_follow_their_grammar(text: str, parameters: dict[str, str] | None) -> None:
    assert parse_parameters(text) == (None if parameters is None else ("form-data", parameters))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("UTF-8''na%C3%AFve", "na\u00efve"),
        ("iso-8859-1'en'%e4", "\u00e4"),
        ("utf-8''a\udcffb%ff", "a\ufffdb\ufffd"),
        ("iso-8859-1''\udce4", "\u00e4"),
        ("klingon''a", None),
        ("a", None),
    ],
)
def test_an_extended_value_may_have_any_bytes(value: str, text: str | None) -> None:
    """An extended value (RFC 8187) may have any bytes, percent-encoded or as they are: then, unless they are UTF-8,
    they are lone surrogates in the header field. Bytes that aren't in its charset become U+FFFD. A value without a
    known charset gives None."""
    assert decode_extended(value) == text


@pytest.mark.parametrize(
    ("method", "fields", "plain"),
    [
        ("POST", {}, True),
        ("PUT", {"Upload-Token": "a"}, True),
        ("PUT", {"tus-resumable": "1.0.0"}, False),
        ("POST", {"upload-anything": "a"}, False),
        ("PATCH", {}, False),
        ("HEAD", {}, False),
    ],
)
def test_a_request_of_no_protocol_is_plain(method: str, fields: dict[str, str], *, plain: bool) -> None:
    head = RequestHead(method=method, on_upload=False, headers=fields, content_length=0)
    assert is_plain(head) is plain
