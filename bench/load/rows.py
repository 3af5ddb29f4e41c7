"""`python -m bench.load.rows URL --format ndjson`: a list of many uploads, again and again.

Prints "ready" once the uploads are created, and waits for a line of standard input before it measures. Then prints one
JSON object, the fields of `Report`, and ends once standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from statistics import median
from urllib.parse import urlsplit

from bench.load.http import LoadError, create
from bench.load.steps import measure

_ROWS = 1000
"""The number of uploads in the list: the most that the server puts into one JSON document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The median milliseconds to the first byte of a response's body, the bytes of a body for each row, and the number
    of rows in all bodies."""

    first_ms: float
    bytes_each: float
    count: int


async def run(options: argparse.Namespace) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: create(options.url, 1, {"Upload-Metadata": "filename ZmlsbS5tcDQ="}), range(_ROWS)))
    await measure(asyncio.to_thread(_read, options))


def _read(options: argparse.Namespace) -> Report:
    waits, size = list[float](), 0
    connection = HTTPConnection(urlsplit(options.url).netloc)
    for _ in range(options.times):
        began = time.perf_counter()
        connection.request("GET", f"/uploads?format={options.format}&limit={_ROWS}")
        response = connection.getresponse()
        if response.status != HTTPStatus.OK:
            raise LoadError(f"the list was answered {response.status}")
        size += len(response.read(1))
        waits.append(time.perf_counter() - began)
        size += len(response.read())
    count = options.times * _ROWS
    return Report(first_ms=1000 * median(waits), bytes_each=size / count, count=count)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--format", required=True)
    parser.add_argument("--times", type=int, default=20)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(run(_arguments()))
