"""`python -m bench.load.form URL --size BYTES`: one plain upload, by PUT or in a form. Prints one JSON object, the
result of `run`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

from bench.load.http import Client, LoadError, request
from bench.load.zeros import SIZE

_BOUNDARY = "------------------------d74496d66958873e"
"""A boundary as older versions of curl make it: 24 dashes and 16 hex digits. It is about as long as Chromium's."""
_HEAD = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'.encode()
_END = f"\r\n--{_BOUNDARY}--\r\n".encode()
CONTENTS = {"zeros": b"\0", "line ends": b"\r\n", "near boundaries": f"\r\n--{_BOUNDARY[:-1]}".encode()}
"""The bytes that the uploaded file repeats, by the name of its content."""


def run(url: str, content: str, size: int, *, form: bool) -> dict[str, float]:
    """Upload a file of `size` bytes, made of repeated `CONTENTS[content]`, in a form or, if not `form`, by PUT. Return
    `size`, and `seconds` until the response. Raises LoadError; EOFError or OSError if the connection breaks."""
    unit = CONTENTS[content]
    descriptor = os.memfd_create("content")
    os.write(descriptor, (unit * (SIZE // len(unit) + 1))[:SIZE])
    with Client(url) as client:
        began = time.monotonic()
        _send(client, url, descriptor, size, form=form)
        answer = client.answer()
    if answer.status != 201:  # noqa: PLR2004
        raise LoadError(f"{answer.status} instead of 201")
    return {"size": size, "seconds": time.monotonic() - began}


def _send(client: Client, url: str, descriptor: int, size: int, *, form: bool) -> None:
    if form:
        head = request("POST", url, {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}, _length(size))
        client.sock.sendall(head + _HEAD)
    else:
        client.sock.sendall(request("PUT", f"{url}a.bin", {}, size))
    total = 0
    while total < size:
        total += os.sendfile(client.sock.fileno(), descriptor, 0, min(SIZE, size - total))
    if form:
        client.sock.sendall(_END)


def _length(size: int) -> int:
    return len(_HEAD) + size + len(_END)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--content", choices=CONTENTS, default="zeros")
    parser.add_argument("--size", type=int, required=True, help="bytes of the file")
    parser.add_argument("--way", choices=("put", "form"), default="put")
    options = parser.parse_args()
    json.dump(run(options.url, options.content, options.size, form=options.way == "form"), sys.stdout)


if __name__ == "__main__":
    _main()
