"""The S3 ends that servers store into: among them the sink, plain, slow or over TLS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from ssl import SSLContext, create_default_context
from typing import Any

from bench.places import ROOT
from bench.process import end
from devtools.part import mortal


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """An S3 on this machine."""

    port: int
    authority: Path | None = None
    """The certificate to trust, if it serves TLS."""
    pid: int

    @property
    def endpoint(self) -> str:
        return f"{'http' if self.authority is None else 'https'}://127.0.0.1:{self.port}"


class Sink(End):
    """An S3 end that counts requests and bytes, and stores almost nothing."""

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the numbers of requests (under `requests`) and the bytes of their bodies (under `bytes`), each by S3
        operation, since the last call or, at the first, since the start."""
        counted: dict[str, dict[str, int]] = json.loads(self._ask("DELETE"))
        return counted

    def _ask(self, method: str) -> Any:
        connection = self._connection()
        connection.request(method, "/-/counts")
        body = connection.getresponse().read()
        connection.close()
        return body

    def _connection(self) -> HTTPConnection:
        if self.authority is None:
            return HTTPConnection("127.0.0.1", self.port)
        return HTTPSConnection("127.0.0.1", self.port, context=self._context(self.authority))

    def _context(self, authority: Path) -> SSLContext:
        return create_default_context(cafile=str(authority))


@contextmanager
def sink(*, latency: float = 0.0, rate: float = 0.0, certificate: Path | None = None) -> Iterator[Sink]:
    """Run the sink (`bench.sink`) while the context lasts: `latency` seconds before each response, at most `rate` bytes
    a second for bytes that it doesn't keep, on each connection (0: no limit), and TLS with `certificate`, a PEM file
    that also has the key."""
    flags = ["--latency", str(latency), "--rate", str(rate)]
    flags += ["--certificate", str(certificate)] if certificate else []
    process = subprocess.Popen(
        mortal(sys.executable, "-m", "bench.sink", *flags), cwd=ROOT, stdout=subprocess.PIPE, env=dict(os.environ)
    )
    try:
        assert process.stdout is not None
        with process.stdout as output:
            port = int(output.readline())
        yield Sink(port=port, authority=certificate, pid=process.pid)
    finally:
        end(process)


def certificate(directory: Path) -> Path:
    """Make a PEM file with a new key and a self-signed certificate for 127.0.0.1 and localhost; return its path."""
    path = directory / "sink.pem"
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(path))
    names = ("-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-days", "30")
    result = subprocess.run(("openssl", "req", "-x509", *key, *names), check=True, capture_output=True)
    with path.open("ab") as file:
        file.write(result.stdout)
    return path
