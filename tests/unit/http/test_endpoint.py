"""The creation endpoint's URL as the client sees it, and the client's address as a proxy tells it."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from multidict import CIMultiDict

from tusd_py.config.kinds import LOOPBACK
from tusd_py.domain.refusals import Malformed
from tusd_py.http.endpoint import client_prefix, creation_path, endpoint_url
from tusd_py.http.forwarded import Family, Trust
from tusd_py.http.routes import add_routes


def resolve(
    headers: dict[str, str],
    *,
    behind_proxy: bool = True,
    public: str | None = None,
    path: str = "/files/",
    peer: str = "127.0.0.1",
    family: Family = "auto",
) -> str:
    fields = {"Host": "inside:8080"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = make_mocked_request("POST", path, headers=fields).clone(remote=peer)
    trust = Trust(networks=LOOPBACK if behind_proxy else (), family=family)
    return endpoint_url(request, request.rel_url.raw_path, public=public, trust=trust)


TOLD: list[tuple[dict[str, str], str]] = [
    ({}, "http://inside:8080/files/"),
    ({"X_Forwarded_Proto": "https", "X_Forwarded_Host": "up.example"}, "https://up.example/files/"),
    ({"X_Forwarded_Host": "outer.example, inner.example"}, "http://outer.example/files/"),
    ({"X_Forwarded_Host": "up.example", "X_Forwarded_Port": "8443"}, "http://up.example:8443/files/"),
    ({"X_Forwarded_Host": "up.example", "X_Forwarded_Port": "80"}, "http://up.example/files/"),
    ({"X_Forwarded_Prefix": "/media/"}, "http://inside:8080/media/files/"),
    ({"Forwarded": "for=1.2.3.4;host=up.example;proto=https"}, "https://up.example/files/"),
    ({"Forwarded": 'for="[::1]:4";host="up.example:81", host=inner'}, "http://up.example:81/files/"),
    ({"Forwarded": "host=first.example", "X_Forwarded_Host": "second.example"}, "http://second.example/files/"),
    ({"Forwarded": 'host="a;b";proto=https;host=up.example'}, "https://up.example/files/"),
    ({"Forwarded": 'host="up.example, host=inner'}, "http://inside:8080/files/"),
    (
        {"Host": "up.example", "X_Forwarded_Port": "8443", "X_Forwarded_Proto": "HTTPS"},
        "https://up.example:8443/files/",
    ),
    ({"X_Forwarded_Host": "[2001:db8::1]", "X_Forwarded_Port": "8443"}, "http://[2001:db8::1]:8443/files/"),
    ({"X_Forwarded_Host": "up.example:443", "X_Forwarded_Proto": "https"}, "https://up.example/files/"),
    ({"X_Forwarded_Host": "up.example:81", "X_Forwarded_Port": "8443"}, "http://up.example:81/files/"),
]


@pytest.mark.parametrize(("headers", "url"), TOLD)
def test_behind_a_proxy_the_outermost_one_is_believed(headers: dict[str, str], url: str) -> None:
    assert resolve(headers) == url


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("http://up.example:81/files/", "http://up.example:81/files/"),
        ("http://up.example/files/", "http://up.example/files/"),
        ("http://user@up.example:80/files/", "http://up.example/files/"),
        ("http://[::1]:81/files/", "http://[::1]:81/files/"),
        ("http://[::1]/files/", "http://[::1]/files/"),
    ],
)
def test_a_target_that_is_a_url_names_host_and_port(target: str, url: str) -> None:
    assert resolve({}, path=target) == url
    assert resolve({"X_Forwarded_Host": "up.example:82"}, path=target) == "http://up.example:82/files/"


@pytest.mark.parametrize("headers", [headers for headers, _ in TOLD])
def test_without_a_proxy_nobody_is_believed(headers: dict[str, str]) -> None:
    own = f"http://{headers.get('Host', 'inside:8080')}/files/"
    assert resolve(headers, behind_proxy=False) == own
    assert resolve(headers, peer="192.0.2.1") == own


def test_one_family_of_fields_is_believed() -> None:
    both = {"Forwarded": "host=a.example;proto=https", "X_Forwarded_Host": "b.example", "X_Forwarded_Prefix": "/p"}
    assert resolve(both, family="forwarded") == "https://a.example/files/"
    assert resolve(both, family="x-forwarded") == "http://b.example/p/files/"


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", ""])
def test_local_proxy_is_trusted_by_any_address(peer: str) -> None:
    assert resolve({"X_Forwarded_Host": "up.example"}, peer=peer) == "http://up.example/files/"


def test_what_the_operator_says_goes() -> None:
    assert resolve({"X_Forwarded_Host": "other"}, public="https://up.example/files/") == "https://up.example/files/"


def test_there_is_always_one_slash_at_the_end() -> None:
    assert resolve({}, path="/files") == "http://inside:8080/files/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "a b"},
        {"Host": "evil.example/x?"},
        {"Host": "user@evil.example"},
        {"X_Forwarded_Proto": "javascript"},
        {"X_Forwarded_Host": "a/b"},
        {"X_Forwarded_Prefix": "//evil.example"},
        {"X_Forwarded_Port": "8443/x"},
        {"Forwarded": "a" * 2000},
        {"X_Forwarded_Host": "up.example", "X_Forwarded_Port": "999999"},
        {"X_Forwarded_Host": "up.example:65536"},
        {"X_Forwarded_Host": "up.example", "X_Forwarded_Port": "0"},
        {"X_Forwarded_Host": "a." * 1000},
    ],
)
def test_what_makes_no_url_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        resolve(headers)


def asking(*forwarded_for: str, behind_proxy: bool = True, field: str = "X-Forwarded-For") -> str:
    """Return the client's address in a request from 127.0.0.1 with these values of the field `field`; with
    `behind_proxy`, that peer is a trusted proxy."""
    headers = CIMultiDict([(field, value) for value in forwarded_for])
    request = make_mocked_request("POST", "/files/", headers=headers).clone(remote="127.0.0.1")
    return Trust(networks=LOOPBACK if behind_proxy else ()).client(request)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ([], "127.0.0.1"),
        ([""], "127.0.0.1"),
        (["192.0.2.1"], "192.0.2.1"),
        (["made-up, 192.0.2.1"], "192.0.2.1"),
        (["made-up", "192.0.2.1"], "192.0.2.1"),
        (["made-up", "other, 192.0.2.1"], "192.0.2.1"),
        (["192.0.2.1:4711"], "192.0.2.1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["[2001:db8::1]"], "2001:db8::1"),
        (["[2001:db8::1]:4711"], "2001:db8::1"),
    ],
)
def test_behind_a_proxy_a_client_is_who_the_nearest_proxy_saw(forwarded: list[str], address: str) -> None:
    assert asking(*forwarded) == address


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (["for=192.0.2.1"], "192.0.2.1"),
        (["for=made-up, for=192.0.2.1;proto=https"], "192.0.2.1"),
        (['for="[2001:db8::1]:4711"'], "2001:db8::1"),
        (["proto=https"], "127.0.0.1"),
        (['for="made-up', 'for="[2001:db8::1]"'], "2001:db8::1"),
        (['for="made-up\\"", for=192.0.2.1;host="a, b;for=c"'], "192.0.2.1"),
        (['for="\\192.0.2.1";by="a\\";for=b"'], "192.0.2.1"),
        (['for="192.0.2.1'], "127.0.0.1"),
        (['for=192.0.2.1;host="a"b"c"'], "127.0.0.1"),
    ],
)
def test_the_other_family_names_clients_too(forwarded: list[str], address: str) -> None:
    assert asking(*forwarded, field="Forwarded") == address


def test_forwarded_address_needs_a_proxy() -> None:
    """Without a trusted proxy, a client's address is that of its socket, despite its headers."""
    assert asking("192.0.2.1", behind_proxy=False) == "127.0.0.1"


@pytest.mark.parametrize("host", ["\u00e9 .example", "a b", "x:y", "x:123456", "", "[::1"])
def test_a_host_that_makes_no_url_is_refused(host: str) -> None:
    with pytest.raises(Malformed):
        resolve({"Host": host}, behind_proxy=False)


@pytest.mark.parametrize("base_path", ["/files/", "/", "/a/b/"])
@pytest.mark.parametrize("prefix", ["", "/up", "/files", "/s3"])
async def test_creation_path_of_a_mounted_application(base_path: str, prefix: str) -> None:
    seen_paths = list[str]()

    async def answer(request: web.Request) -> web.Response:
        seen_paths.append(creation_path(request))
        return web.Response()

    app, outer = web.Application(), web.Application()
    app.router.add_get("/tokens", answer)
    add_routes(app, base_path, {"direct"})
    if prefix:
        outer.add_subapp(prefix, app)
    async with TestClient(TestServer(outer if prefix else app)) as client:
        await client.get(f"{prefix}/tokens")
    assert seen_paths == [prefix + base_path]


@pytest.mark.parametrize("prefix", ["//evil.example", "/a b", "/a//b", "https://evil.example", "/ä"])
def test_a_prefix_that_is_no_path_is_refused(prefix: str) -> None:
    """An X-Forwarded-Prefix that isn't a path is Malformed: a redirect below it could lead to another host."""
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-Prefix": prefix}).clone(remote="127.0.0.1")
    with pytest.raises(Malformed):
        client_prefix(request, Trust(networks=LOOPBACK))
