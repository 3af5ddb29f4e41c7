from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from tusd_py import create_app
from tusd_py.config import load_settings
from tusd_py.domain.errors import ConfigurationError
from tusd_py.http.handlers.page import PageFacts, add_page

INDEX = "".join(f'<html data-{name}="%{name}%">' for name in ("endpoint", "max-size", "downloads", "live", "accept"))
SCRIPT = b"hello()"
FACTS = PageFacts(endpoint="files/", max_size=None, downloads=True)
PLAIN = {"Accept-Encoding": "identity"}

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "app-0123ABCD.js").write_bytes(SCRIPT)
    (tmp_path / "licences.txt").write_text("MIT")
    return tmp_path


def opened(built: Path, facts: PageFacts = FACTS) -> Client:
    app = web.Application()
    add_page(app, facts, built)
    return TestClient(TestServer(app))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FACTS, ["files/", "", "on", "off", ""]),
        (
            PageFacts(
                endpoint='https://x/"><script>',
                max_size=5,
                downloads=False,
                live=True,
                accept=("image/*", "text/plain"),
            ),
            ['https://x/"><script>', "5", "off", "on", "image/*,text/plain"],
        ),
    ],
)
async def test_the_page_is_told_what_it_must_know(built: Path, facts: PageFacts, expected: list[str]) -> None:
    async with opened(built, facts) as client, client.get("/") as answer:
        text = await answer.text()
    values = re.findall(r'data-[a-z-]+="([^"]*)"', text)
    assert [value.replace("&quot;", '"').replace("&gt;", ">").replace("&lt;", "<") for value in values] == expected


@pytest.mark.parametrize(("live", "listing", "value"), [(True, True, "on"), (True, False, "off"), (False, True, "off")])
async def test_the_page_asks_for_lists_where_both_routes_are_on(
    tmp_path: Path, *, live: bool, listing: bool, value: str
) -> None:
    places = {"state": "memory:", "storage": f"file:{tmp_path}"}
    app = create_app(load_settings({**places, "ui": True, "live": live, "listing": listing}, None, {}))
    async with TestClient(TestServer(app)) as client, client.get("/") as answer:
        assert f'data-live="{value}"' in await answer.text()


async def test_the_page_is_asked_for_anew_and_what_it_needs_is_kept(built: Path) -> None:
    async with opened(built) as client, client.get("/") as index, client.get("/ui/app-0123ABCD.js") as script:
        assert index.headers["Cache-Control"] == "no-cache"
        assert index.headers["Content-Type"] == "text/html; charset=utf-8"
        assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert await script.read() == SCRIPT


async def test_what_isnt_named_by_its_content_is_asked_for_anew(built: Path) -> None:
    async with opened(built) as client, client.get("/ui/licences.txt") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"


async def test_what_a_browser_has_isnt_sent_again(built: Path) -> None:
    async with opened(built) as client:
        for path in ("/", "/ui/app-0123ABCD.js"):
            async with client.get(path) as first:
                etag = first.headers["ETag"]
            async with client.get(path, headers={"If-None-Match": etag}) as second:
                assert (second.status, second.headers["ETag"], await second.read()) == (304, etag, b"")
            async with client.get(path, headers={"If-None-Match": '"another"'}) as third:
                assert third.status == 200


async def test_several_lines_of_a_condition_are_one_list(built: Path) -> None:
    async with opened(built) as client:
        async with client.get("/") as first:
            etag = first.headers["ETag"]
        for name, status in (("If-None-Match", 304), ("If-Match", 200)):
            async with client.get("/", headers=[(name, '"another"'), (name, etag)]) as second:
                assert second.status == status


async def test_each_encoding_has_its_own_tag(built: Path) -> None:
    async with opened(built) as client, ClientSession(auto_decompress=False) as raw:
        url = client.make_url("/ui/app-0123ABCD.js")
        async with raw.get(url, headers=PLAIN) as plain, raw.get(url, headers={"Accept-Encoding": "gzip"}) as packed:
            assert (await plain.read(), gzip.decompress(await packed.read())) == (SCRIPT, SCRIPT)
            assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
            assert plain.headers["ETag"] != packed.headers["ETag"]
            assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("lines", "coding"), [(["gzip;q=0, br"], None), (["br", "gzip"], "gzip"), (["br", "gzip;q=0"], None)]
)
async def test_a_coding_that_a_client_rules_out_is_not_used(built: Path, lines: list[str], coding: str | None) -> None:
    headers = [("Accept-Encoding", line) for line in lines]
    async with opened(built) as client, client.get("/", headers=headers) as answer:
        assert answer.headers.get("Content-Encoding") == coding


@pytest.mark.parametrize(
    ("endpoint", "reachable"),
    [("files/", "'self'"), ("https://uploads.example.org/files/", "'self' https://uploads.example.org")],
)
async def test_the_page_reaches_this_server_and_no_other(built: Path, endpoint: str, reachable: str) -> None:
    facts = PageFacts(endpoint=endpoint, max_size=None, downloads=True)
    async with opened(built, facts) as client, client.get("/") as answer:
        policy = dict(rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["connect-src"] == reachable
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert "unsafe" not in str(policy)


@pytest.mark.parametrize(("forms", "action"), [(False, "'none'"), (True, "'self'")])
async def test_the_page_has_a_form_where_forms_are_taken(built: Path, *, forms: bool, action: str) -> None:
    (built / "index.html").write_text("<noscript>%without-script%</noscript>")
    facts = PageFacts(endpoint="files/", max_size=None, downloads=True, accept=(".a",), forms=forms)
    async with opened(built, facts) as client, client.get("/") as answer:
        assert f"form-action {action};" in answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert ('<form method="post" enctype="multipart/form-data" action="files/">' in text) is forms
    assert ("needs JavaScript" in text) is not forms


async def test_only_what_was_built_is_served(built: Path) -> None:
    async with opened(built) as client:
        for path in ("/ui/", "/ui/index.html", "/ui/nothing.js", "/ui/../app.py", "/ui/%2e%2e/app.py"):
            async with client.get(path) as answer:
                assert answer.status == 404, path
        async with client.post("/") as answer:
            assert answer.status == 405


def test_without_a_built_page_there_is_no_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no page in") as refused:
        opened(tmp_path)
    assert "\n" not in str(refused.value)
