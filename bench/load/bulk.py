"""`python -m bench.load.bulk URL --size BYTES`: concurrent large transfers. Prints one JSON object, the fields of
`Report`."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial

from bench.load.http import BYTES, Client, LoadError, create, request
from bench.load.zeros import send


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One upload or download. Times in seconds of one monotonic clock."""

    began: float
    last_byte: float
    """The time at which the client had handed its last byte to the kernel; for a download the same as `ended`."""
    ended: float
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The measurements of all clients together; `size` in bytes, `client_cpu` in seconds."""

    seconds: float
    """Seconds from the first byte of the first transfer to the last response."""
    size: int
    waits: Sequence[float]
    """The seconds from the last byte to the response, for each transfer; 0 for a download."""
    urls: Sequence[str]
    client_cpu: float


def tus(options: argparse.Namespace, ready: threading.Barrier, url: str) -> Transfer:
    """Upload to `url`, a new upload's, by PATCH, in requests of at most `options.piece` bytes, or one if that is 0;
    begin once all clients are connected (`ready`). Raises LoadError; EOFError or OSError if the connection breaks."""
    piece = options.piece or options.size
    with Client(url, send_buffer=options.send_buffer) as client:
        ready.wait()
        began = time.monotonic()
        for offset in range(0, options.size, piece):
            length = min(piece, options.size - offset)
            client.sock.sendall(request("PATCH", url, {**BYTES, "Upload-Offset": str(offset)}, length))
            send(client.sock, length, options.rate)
            last = time.monotonic()
            _expect(client, 204)
    return Transfer(began=began, last_byte=last, ended=time.monotonic(), size=options.size)


def put(options: argparse.Namespace, ready: threading.Barrier, url: str) -> Transfer:
    """Upload by one PUT to `url`, through a relay; begin once all clients are connected (`ready`). Raises LoadError;
    EOFError or OSError if the connection breaks."""
    with Client(url, send_buffer=options.send_buffer) as client:
        ready.wait()
        began = time.monotonic()
        client.sock.sendall(request("PUT", url, {}, options.size))
        send(client.sock, options.size, options.rate)
        last = time.monotonic()
        _expect(client, 200)
    return Transfer(began=began, last_byte=last, ended=time.monotonic(), size=options.size)


def get(options: argparse.Namespace, ready: threading.Barrier, url: str) -> Transfer:
    """Download `url` by GET, whole or, if `options.piece` isn't 0, in successive ranges of so many bytes; begin once
    all clients are connected (`ready`). Raises LoadError; EOFError or OSError if the connection breaks."""
    with Client(url) as client:
        ready.wait()
        began, size = time.monotonic(), 0
        for start in range(0, options.size, options.piece or options.size):
            stop = start + (options.piece or options.size) - 1
            client.sock.sendall(request("GET", url, {"Range": f"bytes={start}-{stop}"} if options.piece else {}))
            size += _expect(client, 206 if options.piece else 200)
    ended = time.monotonic()
    return Transfer(began=began, last_byte=ended, ended=ended, size=size)


_MODES: dict[str, Callable[[argparse.Namespace, threading.Barrier, str], Transfer]] = {
    "tus": tus,
    "put": put,
    "get": get,
}


def _expect(client: Client, status: int) -> int:
    answer = client.answer()
    if answer.status != status:
        raise LoadError(f"{answer.status} instead of {status}")
    return client.drop(answer)


def run(options: argparse.Namespace) -> Report:
    urls = _urls(options)
    ready = threading.Barrier(len(urls))
    with ThreadPoolExecutor(len(urls)) as pool:
        transfers = list(pool.map(partial(_MODES[options.mode], options, ready), urls))
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Report(
        seconds=max(transfer.ended for transfer in transfers) - min(transfer.began for transfer in transfers),
        size=sum(transfer.size for transfer in transfers),
        waits=[transfer.ended - transfer.last_byte for transfer in transfers],
        urls=urls,
        client_cpu=used.ru_utime + used.ru_stime,
    )


def _urls(options: argparse.Namespace) -> list[str]:
    match options.mode:
        case "tus":
            return [create(options.url, options.size) for _ in range(options.count)]
        case "put":
            return [f"{options.url}{uuid.uuid4().hex}" for _ in range(options.count)]
        case _:
            return [options.url] * options.count


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--mode", choices=_MODES, default="tus")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--size", type=int, required=True, help="bytes of each")
    parser.add_argument("--piece", type=int, default=0, help="bytes of a request; all of them if 0")
    parser.add_argument("--rate", type=float, default=0.0, help="bytes a second of each client")
    parser.add_argument("--send-buffer", type=int, help="SO_SNDBUF")
    return parser.parse_args()


if __name__ == "__main__":
    json.dump(asdict(run(_arguments())), sys.stdout)
