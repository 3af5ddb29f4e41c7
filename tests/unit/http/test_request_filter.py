"""The filter of requests: by host, by the page that sends them, and by transfer coding."""

from __future__ import annotations

import re
from contextlib import nullcontext
from time import process_time
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from tusd_py.config.kinds import LOOPBACK
from tusd_py.domain.refusals import Forbidden, Misdirected, UnsupportedCoding
from tusd_py.http.cors import Cors
from tusd_py.http.forwarded import Trust
from tusd_py.http.request_filter import RequestFilter


def request_filter(*hosts: str, cors: bool = True) -> RequestFilter:
    rule = Cors(allow_origin=re.compile(r"https://good\.example"), allow_credentials=False)
    return RequestFilter(hosts=hosts, cors=rule if cors else None, trust=Trust(networks=LOOPBACK))


def request_of(method: str = "POST", path: str = "/files/", **headers: str) -> Any:
    fields = {"Host": "up.example:8080"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request(method, path, headers=fields).clone(remote="127.0.0.1")


@pytest.mark.parametrize(
    ("host", "accepted"),
    [
        ("up.example", True),
        ("UP.example:99", True),
        ("a.internal", True),
        ("a.b.internal:1", True),
        ("[::1]:80", True),
        ("internal", False),
        ("evil.example", False),
        ("up.example.evil", False),
        ("[::2]", False),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_a_request_for_another_host_is_misdirected(host: str, method: str, *, accepted: bool) -> None:
    with nullcontext() if accepted else pytest.raises(Misdirected):
        request_filter("up.example", "*.internal", "[::1]").check(request_of(method, Host=host))
    request_filter().check(request_of(method, Host=host))


@pytest.mark.parametrize(
    ("pattern", "host", "accepted"),
    [
        ("*", "a", True),
        ("a*", "a", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*.up.*.example", "a.up.b.up.example", True),
        ("*.up.*.example", "a.up.example", False),
        ("*a*b*", "b-a", False),
        ("*ab*b", "ab", False),
        ("*ab*b", "a-ab-b", True),
        ("up.*", "up.example", True),
        ("**.example", "a.example", True),
    ],
)
def test_a_star_stands_for_any_characters(pattern: str, host: str, *, accepted: bool) -> None:
    with nullcontext() if accepted else pytest.raises(Misdirected):
        request_filter(pattern).check(request_of(Host=host))


def test_a_long_host_is_matched_in_linear_time() -> None:
    request, began = request_of(Host=".up" * 80_000 + "x"), process_time()
    with pytest.raises(Misdirected):
        request_filter("*.up.*.up.*.example").check(request)
    assert process_time() - began < 1


def test_a_proxys_word_for_the_host_counts() -> None:
    with pytest.raises(Misdirected):
        request_filter("up.example").check(request_of(X_Forwarded_Host="evil.example"))


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_know_the_server_by_any_address(path: str) -> None:
    request_filter("up.example").check(request_of("GET", path, Host="10.0.0.7:8080"))


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Origin": "https://good.example"}, True),
        ({"Origin": "http://up.example:8080"}, True),  # a page of this server
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}, False),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "cors", "Origin": "https://good.example"}, True),
        ({"Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "no-cors"}, True),
    ],
)
def test_only_pages_that_may_change_something(method: str, headers: dict[str, str], *, allowed: bool) -> None:
    with nullcontext() if allowed else pytest.raises(Forbidden):
        request_filter().check(request_of(method, **headers))


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"}, False),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}, False),
        ({"Sec_Fetch_Site": "cross-site"}, False),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "cors", "Origin": "https://good.example"}, True),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "cors", "Origin": "https://evil.example"}, False),
        ({"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "navigate"}, True),
        ({"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate"}, True),
    ],
)
def test_a_get_that_changes_something_is_no_link(headers: dict[str, str], *, allowed: bool) -> None:
    with nullcontext() if allowed else pytest.raises(Forbidden):
        request_filter().check_origin_of_get(request_of("GET", **headers))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_who_only_reads_may_come_from_anywhere(method: str) -> None:
    request_filter().check(request_of(method, Origin="https://evil.example"))


def test_where_nothing_is_said_of_origins_none_is_refused() -> None:
    request_filter(cors=False).check(request_of(Origin="https://evil.example"))


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        ("https://a.example", True),
        ("capacitor://localhost", True),
        ("file://", True),
        ("null", True),
        ("https://a b", False),
        ("\xff\xfe", False),
        ("https://" + "a" * 1000, False),
        ("", False),
    ],
)
def test_what_can_be_no_origin_is_never_repeated(origin: str, *, may: bool) -> None:
    assert Cors(allow_origin=re.compile(".*"), allow_credentials=False).allows(origin) is may


@pytest.mark.parametrize("method", ["PATCH", "GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(("coding", "fits"), [("chunked", True), ("Chunked", True), ("gzip, chunked", False)])
def test_bodies_in_another_coding_than_chunks_are_refused(method: str, coding: str, *, fits: bool) -> None:
    with nullcontext() if fits else pytest.raises(UnsupportedCoding):
        request_filter().check(request_of(method, Transfer_Encoding=coding))
