"""`python -m bench.load.receiver URL`: a receiver of hooks at the URL, which answers each call at once."""

from __future__ import annotations

import argparse
import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def receive(url: str, hear: Callable[[bytes], None]) -> asyncio.Server:
    """Start an HTTP server at `url` that passes the body of each request, the call of a hook, to `hear`, and answers it
    with 200 after that."""
    parts = urlsplit(url)
    return await asyncio.start_server(partial(_serve, hear), parts.hostname, parts.port)


async def _serve(hear: Callable[[bytes], None], reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            hear(await reader.readexactly(_length(head)))
            writer.write(_OK)
    writer.close()


def _length(head: bytes) -> int:
    _, _, after = head.lower().partition(b"content-length:")
    return int(after.partition(b"\r\n")[0] or 0)


async def _run(url: str) -> None:
    async with await receive(url, lambda _: None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    asyncio.run(_run(parser.parse_args().url))
