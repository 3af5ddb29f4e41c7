"""The limits on the number of connections, of all clients and of each, and the client that an address stands for."""

from __future__ import annotations

import pytest

from tusd_py.http.connection.connection_limits import Connections, client_at, client_of


def test_beyond_the_limit_in_all_nobody_stays() -> None:
    connections = Connections(limit=2)
    assert [connections.opened(peer) for peer in ("a", "b")] == [None, None]
    refusal = connections.opened("c")
    assert refusal is not None
    assert refusal.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 5\r\n" in refusal
    for peer in ("c", "a"):
        connections.closed(peer)
    assert connections.opened("c") is None


def test_beyond_the_limit_of_one_client_others_stay() -> None:
    connections = Connections(client_limit=1)
    assert connections.opened("a") is None
    refusal = connections.opened("a")
    assert refusal is not None
    assert refusal.startswith(b"HTTP/1.1 429 ")
    assert connections.opened("b") is None
    connections.closed("a")
    connections.closed("a")
    assert connections.opened("a") is None


def test_without_limits_there_are_none() -> None:
    connections = Connections()
    assert {connections.opened("a") for _ in range(10_000)} == {None}


@pytest.mark.parametrize(
    ("address", "client"),
    [
        (("192.0.2.1", 4711), "192.0.2.1"),
        (("2001:db8:1:2:3:4:5:6", 4711, 0, 0), "2001:db8:1:2::/64"),
        (("2001:db8:1:2::1", 4711, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 4711, 0, 2), "fe80::/64"),
        (("::ffff:192.0.2.1", 4711, 0, 0), "192.0.2.1"),
        ("", "unix:"),
        ("10.0.0.7", "unix:"),  # a name that a peer on a UNIX socket gave itself
        (None, "unix:"),
    ],
)
def test_a_client_of_ipv6_has_a_network(address: object, client: str) -> None:
    assert client_of(address) == client


@pytest.mark.parametrize(
    ("name", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("unknown", "unknown"),
        ("_hidden%1", "_hidden%1"),
        (1000 * "x", 64 * "x"),
    ],
)
def test_forwarded_client_is_an_address_or_short_word(name: str, client: str) -> None:
    assert client_at(name) == client
