"""`python -m bench.load.crowd URL`: many uploads at a slow pace, until standard input ends or has a line.

Prints "ready" once all of them have begun, and at the end one JSON object, the fields of `Report`.
"""

from __future__ import annotations

import argparse
import json
import select
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial

from bench.load.http import BYTES, Client, create, request

LENGTH = 64 * 1024 * 1024
"""Bytes of each upload: more than any of them sends."""
_TICK = 0.1
_SLICES = 20
"""The number of groups of clients: every 0.1 s each group sends once, one group after another, so that the clients
don't all send at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The bytes that all clients together sent between "ready" and the end, the bytes that they should have sent by
    then at their rate, and the number of clients whose connections broke."""

    sent_bytes: int
    due_bytes: float
    lost: int


class Slow:
    """One client with one request (PUT or PATCH), whose body it sends at the pace that its caller sets: `send` is told
    how many bytes are due by then in all, and sends those of them that the socket takes without a wait."""

    def __init__(self, url: str, put: bool) -> None:  # noqa: FBT001 (one of two ways)
        self._client = Client(url)
        headers = {} if put else {**BYTES, "Upload-Offset": "0"}
        self._client.sock.sendall(request("PUT" if put else "PATCH", url, headers, LENGTH))
        self._client.sock.setblocking(False)
        self.sent_bytes = 0
        self.lost = False

    def send(self, due: int) -> None:
        if self.lost or due <= self.sent_bytes:
            return
        try:
            self.sent_bytes += self._client.sock.send(_ZEROS[: due - self.sent_bytes])
        except BlockingIOError:
            pass
        except OSError:
            self.lost = True


_ZEROS = memoryview(bytes(1024 * 1024))


def crowd(options: argparse.Namespace) -> list[Slow]:
    put = options.mode == "put"
    with ThreadPoolExecutor(8) as pool:
        if put:
            urls = [f"{options.url}slow-{number}" for number in range(options.count)]
        else:
            urls = list(pool.map(lambda _: create(options.url, LENGTH), range(options.count)))
        return list(pool.map(partial(Slow, put=put), urls))


def run(options: argparse.Namespace) -> Report:
    clients = crowd(options)
    print("ready", flush=True)
    started, slices = time.monotonic(), 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        _send(clients[slices % _SLICES :: _SLICES], int((time.monotonic() - started) * options.rate))
        slices += 1
        time.sleep(max(0.0, started + slices * _TICK / _SLICES - time.monotonic()))
    due_bytes = (time.monotonic() - started) * options.rate * len(clients)
    sent_bytes = sum(client.sent_bytes for client in clients)
    return Report(sent_bytes=sent_bytes, due_bytes=due_bytes, lost=sum(client.lost for client in clients))


def _send(clients: Sequence[Slow], due: int) -> None:
    for client in clients:
        client.send(due)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--mode", choices=("tus", "put"), default="tus")
    parser.add_argument("--piece", type=int, default=0, help="unused: an option of the other clients")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=50_000, help="bytes a second of each")
    return parser.parse_args()


if __name__ == "__main__":
    json.dump(asdict(run(_arguments())), sys.stdout)
