"""`python -m bench.sink`: an S3 for benchmarks. Prints its port of 127.0.0.1, and serves on it until it is killed."""

from __future__ import annotations

import argparse
import socket
import ssl
import threading
from contextlib import suppress

from bench.sink.connection import Connection, Pace
from bench.sink.serving import Exchange
from bench.sink.store import Store

_STACK = 256 * 1024
"""Bytes of a thread's stack: each connection has a thread, and some servers open a thousand connections."""


def main() -> None:
    arguments = _arguments()
    threading.stack_size(_STACK)
    store, pace = Store(), Pace(latency=arguments.latency, rate=arguments.rate)
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(listener.getsockname()[1], flush=True)
    context = _tls(arguments.certificate) if arguments.certificate else None
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=_serve, args=(sock, context, store, pace), daemon=True).start()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--rate", type=float, default=0.0, help="bytes a second that a connection carries")
    parser.add_argument("--certificate", help="PEM with key and certificate: serve TLS")
    return parser.parse_args()


def _tls(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def _serve(sock: socket.socket, context: ssl.SSLContext | None, store: Store, pace: Pace) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(OSError, EOFError):
        secured = context.wrap_socket(sock, server_side=True) if context else sock
        _converse(Connection(secured, pace), store)
    sock.close()


def _converse(connection: Connection, store: Store) -> None:
    try:
        while True:
            Exchange(store, connection, connection.head()).serve()
    finally:
        connection.close()


if __name__ == "__main__":
    main()
