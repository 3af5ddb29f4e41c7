"""`python -m bench.load.fast URL`: one upload at full speed for some seconds, then the client disconnects.

Prints one JSON object: `bytes_per_s`, the bytes a second that the client handed to the kernel.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
import time
import uuid

from bench.load.http import BYTES, Client, create, request
from bench.load.zeros import SIZE, zeros

LENGTH = 64 * 1024**3
"""Bytes of the upload: more than are sent."""
_SEND_BUFFER = 256 * 1024
"""Bytes of the socket buffer: small, so that nearly all sent bytes were read by the server."""


def run(options: argparse.Namespace) -> float:
    put = options.mode == "put"
    url = f"{options.url}{uuid.uuid4().hex}" if put else create(options.url, LENGTH)
    with Client(url, send_buffer=_SEND_BUFFER) as client:
        client.sock.sendall(
            request("PUT" if put else "PATCH", url, {} if put else {**BYTES, "Upload-Offset": "0"}, LENGTH)
        )
        client.sock.setblocking(False)
        seconds: float = options.seconds
        return _send(client, seconds) / seconds


def _send(client: Client, seconds: float) -> int:
    file, total, until = zeros(), 0, time.monotonic() + seconds
    while (remaining := until - time.monotonic()) > 0:
        if select.select([], [client.sock], [], remaining)[1]:
            total += os.sendfile(client.sock.fileno(), file, 0, SIZE)
    return total


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--mode", choices=("tus", "put"), default="tus")
    parser.add_argument("--piece", type=int, default=0, help="unused: an option of the other clients")
    parser.add_argument("--seconds", type=float, default=5.0)
    return parser.parse_args()


if __name__ == "__main__":
    json.dump({"bytes_per_s": run(_arguments())}, sys.stdout)
