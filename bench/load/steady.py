"""`python -m bench.load.steady URL --size BYTES`: clients that send successive uploads for some seconds.

Prints one JSON object: `bytes_per_s` of the uploads that were answered within that time, and `client_cpu` in seconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from bench.load.http import BYTES, Client, LoadError, create, request
from bench.load.zeros import send


def client(options: argparse.Namespace, until: float, _: int) -> list[float]:
    """Send uploads one after another, the last begun before `until` (by `time.monotonic`); return the time of each
    upload's response, of which the last may be later. Raises LoadError; EOFError or OSError if a connection breaks."""
    ended = list[float]()
    while time.monotonic() < until:
        _upload(options)
        ended.append(time.monotonic())
    return ended


def _upload(options: argparse.Namespace) -> None:
    url = create(options.url, options.size)
    with Client(url) as connection:
        connection.sock.sendall(request("PATCH", url, {**BYTES, "Upload-Offset": "0"}, options.size))
        send(connection.sock, options.size)
        if (status := connection.answer().status) != 204:  # noqa: PLR2004 (tus)
            raise LoadError(f"answered {status}")


def run(options: argparse.Namespace) -> dict[str, float]:
    began = time.monotonic()
    until = began + options.seconds
    with ThreadPoolExecutor(options.count) as pool:
        ended = [end for ends in pool.map(partial(client, options, until), range(options.count)) for end in ends]
    used = resource.getrusage(resource.RUSAGE_SELF)
    in_time = sum(end <= until for end in ended)
    return {"bytes_per_s": in_time * options.size / options.seconds, "client_cpu": used.ru_utime + used.ru_stime}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--size", type=int, required=True, help="bytes of each upload")
    parser.add_argument("--seconds", type=float, default=8.0)
    return parser.parse_args()


if __name__ == "__main__":
    json.dump(run(_arguments()), sys.stdout)
