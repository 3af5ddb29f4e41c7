"""Which peers count as trusted proxies, and as clients of this machine."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from tusd_py.config.kinds import LOOPBACK
from tusd_py.http.forwarded import Trust

FORWARDED = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "up.example"}


def request_from(peer: str | None, headers: dict[str, str] | None = None) -> Any:
    request: Any = make_mocked_request("POST", "/files/", headers=headers or {})
    return request.clone(remote=peer)


@pytest.mark.parametrize("peer", ["", "unix:", "127.0.0.1", "::1"])
def test_peers_of_this_machine_are_local_proxies(peer: str) -> None:
    """If loopback addresses are trusted, a peer at one, or at a UNIX socket (in asyncio without a name, in this server
    `unix:`), is a trusted proxy, and a client of this machine if it sends no proxy's fields or reports a loopback
    address."""
    trust = Trust(networks=LOOPBACK)
    assert trust.is_proxied(request_from(peer))
    assert trust.is_local(request_from(peer))
    assert trust.is_local(request_from(peer, FORWARDED))


@pytest.mark.parametrize("headers", [{}, FORWARDED])
def test_a_peer_that_is_gone_is_neither(headers: dict[str, str]) -> None:
    """A peer without an address is neither a trusted proxy nor a client of this machine. Some event loops ask for the
    address late, and get none of a client that has reset its connection."""
    trust, request = Trust(networks=LOOPBACK), request_from(None, headers)
    assert not trust.is_proxied(request)
    assert not trust.is_local(request)
    assert trust.client(request) == ""
    assert trust.url_parts(request) == {}
