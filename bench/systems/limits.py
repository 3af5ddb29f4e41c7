"""Relays, which only forward bytes: the limits to compare with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

from bench.places import BENCH, PEERS
from bench.systems.base import Place, System
from bench.systems.peers import installed, reason

RELAY_BINARY = PEERS / "relay"
_TLS = """
            proxy_ssl_protocols TLSv1.3;
            proxy_ssl_verify on;
            proxy_ssl_name localhost;
            proxy_ssl_trusted_certificate {authority};"""
"""nginx's directives for TLS to S3, if the S3 serves it. They ask for TLS 1.3, as all other systems speak it: the
default of some distributions' nginx is TLS 1.2."""


_LARGE = """client_body_buffer_size 256k;
    proxy_buffer_size 256k;
    proxy_buffers 4 256k;
    proxy_busy_buffers_size 256k;"""
"""Buffers of 256 KiB, many times nginx's defaults: fewer system calls per byte."""


def _nginx(buffers: str) -> Callable[[Place], Sequence[str]]:
    return lambda place: _configured(place, buffers)


def _configured(place: Place, buffers: str) -> Sequence[str]:
    text = (BENCH / "peers" / "nginx.conf").read_text()
    tls = _TLS.format(authority=place.authority) if place.authority else ""
    scheme = place.endpoint.partition("://")[0]
    words = {"directory": place.directory, "port": place.port, "target": place.target, "scheme": scheme}
    configuration = place.directory / "nginx.conf"
    configuration.write_text(text.format(**words, tls=tls, buffers=buffers))
    return (str(nginx_binary()), "-c", str(configuration), "-e", str(place.directory / "error.log"))


def nginx_binary() -> str | None:
    return shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin") or shutil.which("nginx")


def _no_nginx() -> str | None:
    return None if nginx_binary() else reason(PEERS / "nginx")


def _relay(place: Place) -> Sequence[str]:
    return (str(RELAY_BINARY), str(place.port), place.target.rpartition(":")[2])


NGINX = System(name="nginx, unbuffered", command=_nginx(""), missing=_no_nginx, relays=True)
NGINX_LARGE = System(name="nginx, 256 KiB buffers", command=_nginx(_LARGE), missing=_no_nginx, relays=True)
RELAY = System(name="splice relay", command=_relay, missing=installed(RELAY_BINARY), relays=True)
