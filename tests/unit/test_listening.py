"""A server's sockets are where its settings say."""

from __future__ import annotations

import errno
import os
import pickle
import re
import socket
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from devtools.ports import free_port, has_ipv6
from tusd_py.config import Settings
from tusd_py.config.addresses import TcpAddress, UnixAddress
from tusd_py.domain.errors import ConfigurationError
from tusd_py.server import listening
from tusd_py.server.listening import Listeners, bind_listeners, socket_address

needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def settings(**changes: Any) -> Settings:
    return Settings(**{"port": 0, **changes})


def addresses(listeners: Listeners) -> list[str]:
    return [str(socket_address(listener)) for listener in listeners.sockets]


def answers(address: tuple[str, int], listeners: Listeners) -> bool:
    for listener in listeners.sockets:
        listener.listen()
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as client:
        return client.connect_ex(address) == 0


@needs_ipv6
@pytest.mark.parametrize("workers", [1, 2])
def test_several_addresses_have_the_same_port(workers: int) -> None:
    with bind_listeners(settings(host="127.0.0.1,::1,127.0.0.2", workers=workers)) as places:
        port = places.public.sockets[0].getsockname()[1]
        assert addresses(places.public) == [f"127.0.0.1:{port}", f"[::1]:{port}", f"127.0.0.2:{port}"]
        assert places.metrics.sockets == []


def test_partly_taken_port_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """With port 0 and several addresses, a port that is free at the first address, but taken at another, is used at
    none: the server tries a further port."""
    bind, taken_ports = listening._bind_socket, set[int]()

    def reluctantly(family: int, place: tuple[Any, ...], **how: bool) -> socket.socket:
        if place[0] == "127.0.0.2" and len(taken_ports) < 3:
            taken_ports.add(place[1])
            raise OSError(errno.EADDRINUSE, "taken")
        return bind(family, place, **how)

    monkeypatch.setattr(listening, "_bind_socket", reluctantly)
    with bind_listeners(settings(host="127.0.0.1,127.0.0.2")) as places:
        assert len({listener.getsockname()[1] for listener in places.public.sockets} - taken_ports) == 1


@needs_ipv6
@pytest.mark.parametrize("hosts", ["::", "0.0.0.0,::", "::,0.0.0.0"])
def test_all_addresses_of_both_families(hosts: str) -> None:
    with bind_listeners(settings(host=hosts)) as places:
        port = places.public.sockets[0].getsockname()[1]
        assert answers(("127.0.0.1", port), places.public)
        assert answers(("::1", port), places.public)


@pytest.mark.parametrize("workers", [1, 2])
def test_taken_address_frees_the_others(workers: int) -> None:
    """A taken address raises ConfigurationError of one line, and the addresses bound before it are free again."""
    port = free_port()
    with socket.create_server(("127.0.0.2", port)):
        with (
            pytest.raises(ConfigurationError) as raised,
            bind_listeners(settings(host="127.0.0.1,127.0.0.2", port=port)),
        ):
            pass
        assert str(raised.value) == f"can't listen on 127.0.0.2:{port}: Address already in use"
        with bind_listeners(settings(host="127.0.0.1", port=port, workers=workers)) as places:
            assert addresses(places.public) == [f"127.0.0.1:{port}"]


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "a" * 64])
def test_a_name_that_is_none_is_one_line(host: str) -> None:
    with (
        pytest.raises(ConfigurationError, match=rf"^can't listen on {re.escape(host)}:80: \w.*$"),
        bind_listeners(settings(host=host, port=80)),
    ):
        pass


def resolve_to(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    infos = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in hosts]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos)


def test_of_a_name_those_addresses_count_that_this_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "192.0.2.1", "127.0.0.1")
    with bind_listeners(settings(host="here")) as places:
        assert [listener.getsockname()[0] for listener in places.public.sockets] == ["127.0.0.1"]


def test_an_address_that_this_machine_does_not_have_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "192.0.2.1")
    with pytest.raises(ConfigurationError, match="Cannot assign"), bind_listeners(settings(host="192.0.2.1")):
        pass


def test_a_family_that_this_machine_lacks_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    bind = listening._bind_socket

    def without_ipv6(family: int, place: tuple[Any, ...], **how: bool) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "no such family")
        return bind(family, place, **how)

    resolved = [(socket.AF_INET6, ("::1", 0, 0, 0)), (socket.AF_INET, ("127.0.0.1", 0))]
    monkeypatch.setattr(listening, "_resolved", lambda _: resolved)
    monkeypatch.setattr(listening, "_bind_socket", without_ipv6)
    with bind_listeners(settings(host="localhost")) as places:
        assert [listener.getsockname()[0] for listener in places.public.sockets] == ["127.0.0.1"]


def test_port_0_is_that_of_the_first_tcp_socket(tmp_path: Path) -> None:
    with closing(Listeners()) as listeners:
        for address in (UnixAddress(tmp_path / "s"), TcpAddress("127.0.0.1", 0), TcpAddress("127.0.0.2", 0)):
            listeners.add(address, shared=False, both=False)
        ports = {listener.getsockname()[1] for listener in listeners.sockets[1:]}
        assert len(ports) == 1


def test_a_unix_socket_is_instead_of_addresses(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with bind_listeners(settings(host="127.0.0.1,127.0.0.2", unix_socket=str(path))) as places:
        assert addresses(places.public) == [f"unix:{path}"]
    assert not path.exists()


def test_a_directory_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "s"
    with (
        pytest.raises(ConfigurationError, match=f"^can't listen on unix:{path}: No such file or directory$"),
        bind_listeners(settings(unix_socket=str(path))),
    ):
        pass


def test_metrics_have_an_address_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "m"
    with bind_listeners(settings(metrics_address=f"unix:{path}")) as places:
        assert addresses(places.metrics) == [f"unix:{path}"]
        assert len(places.public.sockets) == 1
    with bind_listeners(settings(metrics_address="127.0.0.1:0")) as places:
        assert addresses(places.metrics) != addresses(places.public)


def test_where_metrics_can_not_be_uploads_are_not_either(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with (
        pytest.raises(ConfigurationError, match="already in use"),
        bind_listeners(settings(unix_socket=str(path), metrics_address=f"unix:{path}")),
    ):
        pass
    assert not path.exists()


@needs_ipv6
def test_a_worker_gets_the_same_places_and_another_one_too(tmp_path: Path) -> None:
    chosen_settings = settings(host="127.0.0.1,::", metrics_address=f"unix:{tmp_path / 'm'}", workers=2)
    with bind_listeners(chosen_settings.model_copy(update={"host": ("::",)})) as places, ExitStack() as stack:
        for _ in range(2):
            again = stack.enter_context(closing(places.duplicate()))
            assert addresses(again.public) == addresses(places.public)
            assert answers(("127.0.0.1", again.public.sockets[0].getsockname()[1]), again.public)
            assert (
                os.fstat(again.metrics.sockets[0].fileno()).st_ino
                == os.fstat(places.metrics.sockets[0].fileno()).st_ino
            )


def test_a_workers_end_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with bind_listeners(settings(unix_socket=str(path), workers=2)) as places:
        places.duplicate().close()
        assert path.exists()
        places.public.remove_files()
        assert not path.exists()


def test_settings_with_addresses_go_to_workers() -> None:
    chosen_settings = settings(host="127.0.0.1,::1", metrics_address="[::1]:9090", unix_socket="/run/x")
    assert pickle.loads(pickle.dumps(chosen_settings)) == chosen_settings
