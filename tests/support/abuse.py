"""Requests that hypothesis draws: mostly right, so that they get far in the server before they fail, if they fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from hypothesis import strategies as st

from tests.support.tus import OCTETS, VERSION

TARGET = b"<target>"
"""Stands for the path of an upload that exists."""

METHODS = [b"POST", b"PATCH", b"HEAD", b"DELETE", b"GET", b"OPTIONS"]
ODD_METHODS = [b"PUT", b"BREW", b"patch", b"P@", b"CONNECT"]
ENDPOINTS = [b"/files/", b"/files"]
ODD_PATHS = [
    *(TARGET + b"/", TARGET + b"?a=b", TARGET + b"/../x", b"/files/%00", b"/files/..%2f..%2f", b"/files//", b"/"),
    *(b"*", b"//", b"http://[/", b"/files/" + b"0" * 32, b"/healthz", b"/metrics", b"/files/\xff", b"/files/{id}"),
    *(b"/files/" + b"a" * 9000, b"/files/" + b"a" * 20_000),
]
TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=30).map(
    lambda text: text.encode("latin-1")
)
NUMBERS = st.sampled_from([b"0", b"5", b"95", b"100", b"101", b"-1", b"+5", b"5.0", b"", b"9" * 18, b"9" * 30, b"5, 5"])
ENCODED = st.sampled_from([b"YQ==", b"YQ", b"?", b"", b"/" * 27 + b"=", b"\xff", b"A" * 9000, b"A" * 300_000])
LISTS = st.lists(TEXT, max_size=3).map(b",".join)

FIELDS = {
    b"Upload-Offset": NUMBERS,
    b"Upload-Length": NUMBERS,
    b"Upload-Defer-Length": st.sampled_from([b"1", b"0", b"true"]),
    b"Upload-Metadata": st.tuples(TEXT, ENCODED).map(b" ".join) | LISTS,
    b"Upload-Checksum": st.tuples(st.sampled_from([b"sha1", b"md5", b"crc32c", b"x"]), ENCODED).map(b" ".join),
    b"Upload-Concat": st.sampled_from([b"partial", b"final;" + TARGET, b"final;", b"final;http://[ / //", b"x"]) | TEXT,
    b"Tus-Resumable": st.sampled_from([b"0.2.2", b""]) | TEXT,
    b"Content-Type": st.sampled_from([b"text/plain", b"", b"application/x-www-form-urlencoded", b";;"]),
    b"Content-Encoding": st.sampled_from([b"gzip", b"deflate", b"identity", b"br"]),
    b"X-HTTP-Method-Override": st.sampled_from([*METHODS, *ODD_METHODS]),
    b"Expect": st.sampled_from([b"100-continue", b"200-ok", b""]),
    b"Range": st.sampled_from([b"bytes=0-", b"bytes=-5", b"bytes=9-1", b"bytes=0-1,2-3", b"bytes=" + b"9" * 40]),
    b"If-Match": TEXT,
    b"If-Unmodified-Since": TEXT,
    b"Origin": TEXT,
    b"Host": st.sampled_from([b"", b"a b", b"[::1", b"h:99999"]) | TEXT,
    b"X-Request-ID": TEXT,
    b"Connection": st.sampled_from([b"close", b"upgrade", b"keep-alive"]),
    b"Upgrade": st.sampled_from([b"websocket", b"h2c", b"tcp"]),
    b"X-Huge": st.sampled_from([b"a" * 9000, b"a" * 300_000]),
}
FIELD = st.sampled_from(sorted(FIELDS)).flatmap(lambda name: st.tuples(st.just(name), FIELDS[name]))
JUNK = st.tuples(st.binary(max_size=20), st.binary(max_size=20))

USUAL = {
    b"Host": b"127.0.0.1",
    b"Tus-Resumable": VERSION.encode(),
    b"Content-Type": OCTETS.encode(),
    b"Upload-Offset": b"5",
    b"Upload-Length": b"100",
}
"""Header fields that make a good PATCH of TARGET, an upload with 5 of 100 bytes, and a good POST."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abuse:
    """A request to send over one connection. A field of random bytes may end its head early, so that the server takes
    what follows for another request; the tests allow that."""

    line: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: tuple[bytes, ...]
    waits: bool
    """True if the client waits for an answer; else it leaves without reading one."""

    def pieces(self, target: str) -> Iterator[bytes]:
        """Yield the bytes to send, piece by piece, with the path of the upload's URL `target` in place of TARGET."""
        head, *body = self.raw()
        yield head.replace(TARGET, urlsplit(target).path.encode())
        yield from body

    def raw(self) -> Iterator[bytes]:
        """Yield the head, then the pieces of the body, with TARGET where the path of an upload goes."""
        yield b"".join(line + b"\r\n" for line in (self.line, *(b": ".join(field) for field in self.fields), b""))
        yield from self.body


BYTES = st.binary(max_size=95) | st.sampled_from([bytes(95), bytes(96), bytes(70_000), bytes(1024 * 1024 + 1)])
ODD_LENGTHS = [b"-1", b"+5", b"5, 5", b"", b"9" * 30, b"%d" % 1024**3]

Framing = tuple[dict[bytes, bytes], tuple[bytes, ...]]


def sized(body: bytes, length: int) -> Framing:
    return {b"Content-Length": b"%d" % length}, (body[:1], body[1:])


def in_chunks(*pieces: bytes) -> Framing:
    return {b"Transfer-Encoding": b"chunked"}, pieces


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body) if body else b""


def honest(body: bytes) -> list[Framing]:
    return [sized(body, len(body)), in_chunks(chunk(body), b"0\r\n\r\n")]


def cut(body: bytes) -> list[Framing]:
    return [sized(body, len(body) + 1), in_chunks(chunk(body)), in_chunks(chunk(body)[:-1])]


def broken(body: bytes) -> list[Framing]:
    """Return wrong framings of `body`, each as header fields and the pieces to send: a Content-Length that is too
    small, far too large or malformed; two lengths at once; a malformed chunk size; a gzip coding that the body doesn't
    have. For an empty body, the Content-Length that should be too small is right."""
    both = {b"Transfer-Encoding": b"chunked", b"Content-Length": b"%d" % len(body)}
    return [
        sized(body, len(body) // 2),
        in_chunks(chunk(body), b"zz\r\n\r\n"),
        (both, (chunk(body),)),
        ({b"Transfer-Encoding": b"gzip, chunked"}, (chunk(body), b"0\r\n\r\n")),
        *(({b"Content-Length": length}, (body,)) for length in ODD_LENGTHS),
    ]


@st.composite
def abuses(draw: st.DrawFn) -> Abuse:
    """Draw a request in which up to two header fields may have odd values, and whose body may be cut off. One in four
    may also have an odd method, path, version or framing, and up to two more fields, some of them random bytes."""
    wild, body = draw(st.integers(0, 3)) == 0, draw(BYTES)
    method = draw(st.sampled_from([*METHODS, b"PATCH", b"POST", b"PATCH", *(ODD_METHODS if wild else ())]))
    usual = ENDPOINTS if method == b"POST" else [TARGET]
    framing, pieces = draw(st.sampled_from([*honest(body), *cut(body), *(broken(body) if wild else ())]))
    odd = draw(st.lists(FIELD, max_size=2))
    junk = draw(st.lists(FIELD | JUNK, max_size=2)) if wild else []
    version = draw(st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b""])) if wild else b"HTTP/1.1"
    return Abuse(
        line=b" ".join((method, draw(st.sampled_from([*usual, *(ODD_PATHS if wild else ())])), version)),
        fields=(*{**USUAL, **dict(odd)}.items(), *junk, *framing.items()),
        body=pieces,
        waits=draw(st.booleans()),
    )
