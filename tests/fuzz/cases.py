"""Requests that may cost a server far more than their size: long runs of bytes that parsers may be slow with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.support.abuse import TARGET, abuses, chunk

MULTIPART = b"<multipart>"
"""Stands for the id of a direct upload in parts; KEY stands for its key."""
KEY = b"<key>"
KIB, MIB = 1024, 1024 * 1024
LONGEST_HEAD, LONGEST_BODY = 250 * KIB, 2 * MIB
MOST_FIELDS = 110
"""The most copies of one header field that `heads` adds to a request; aiohttp takes 128 header fields in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The bytes that a client sends on one connection, in pieces. In them TARGET stands for the path of an upload,
    MULTIPART and KEY for the id and key of a direct upload; the sender replaces them."""

    pieces: tuple[bytes, ...]
    waits: bool
    """True if the client reads the answer; else it closes the connection without reading, once the clients of the other
    cases that are sent with this one have been answered."""


_UNITS = [
    *(b" ", b"?", b"a", b",", b";", b'"', b"=", b"(", b")", b"\t", b"\\", b"/", b".", b"-", b"0", b"9", b"\xff", b"&"),
    *(b"%", b"%3F", b"://", b"://a@", b"?X-Amz-Signature=", b"Signature=", b"for=", b'for="', b"a=1;", b"a b,"),
    *(b"a YQ==,", b"(1 1 1) ", b"sha-256=:YQ==:,", b"bytes=0-1,", b'W/"a",', b"final;", b"/files/", TARGET + b" "),
    *(b"[::", b"a/b;c=d,", b"<Part>", b"</Part>", b"<ETag>", b"&#32;", b"&a;", b"<!--", b"<![CDATA[", b"[", b"{"),
    *(b'{"a":', b'[""', b"\\u0000"),
]
_MARKUP = [
    *(b"<Part>", b"</Part>", b"<ETag>", b"</ETag>", b"<PartNumber>", b"<a>", b'<a b="', b"&#32;", b"&a;", b"&"),
    *(b"<!--", b"<![CDATA[", b"]]>", b"<?a ", b" ", b"a"),
]
_FIELDS = [
    *(b"Upload-Metadata", b"Upload-Concat", b"Upload-Checksum", b"Upload-Length", b"Upload-Offset", b"Upload-Complete"),
    *(b"Upload-Draft-Interop-Version", b"Upload-Limit", b"Content-Digest", b"Repr-Digest", b"Want-Repr-Digest"),
    *(b"Forwarded", b"X-Forwarded-For", b"X-Forwarded-Host", b"X-Forwarded-Proto", b"X-Forwarded-Prefix"),
    *(b"X-Request-ID", b"Origin", b"Host", b"Cookie", b"Authorization", b"Content-Type", b"Content-Disposition"),
    *(b"Content-Encoding", b"If-Match", b"If-None-Match", b"If-Range", b"Range", b"If-Modified-Since", b"Expect"),
    *(b"Accept", b"X-A", b"X-HTTP-Method-Override", b"Access-Control-Request-Headers", b"Transfer-Encoding"),
    *(b"Connection", b"Trailer"),
]
_PLACES = [
    *(b"/files/", b"/files", TARGET, b"/", b"/metrics", b"/healthz", b"/files/s3/params", b"/files/s3/multipart"),
    *(b"/files/s3/presign", b"/files/s3/multipart/" + MULTIPART, b"/files/s3/xml/" + MULTIPART, b"/ui/x"),
]
_MEMBERS = [b"filename", b"type", b"metadata", b"size", b"parts", b"method", b"key", b"uploadId", b"x"]
_METHODS = [b"GET", b"HEAD", b"POST", b"PATCH", b"DELETE", b"OPTIONS", b"PUT"]


@st.composite
def runs(draw: st.DrawFn, longest: int, units: Sequence[bytes] = _UNITS) -> bytes:
    """Draw one of `units`, repeated to a length of about `longest` bytes (at least two draws of five), a tenth of it,
    100 bytes or none; before and after it comes one of `units` or nothing. The end of the repeats is cut so that the
    whole has at most `longest` bytes."""
    ends = st.sampled_from([b"", *units])
    unit, before, after = draw(st.sampled_from(units)), draw(ends), draw(ends)
    size = draw(st.sampled_from([longest, longest, longest // 10, 100, 0]))
    return (before + unit * (size // len(unit)))[: longest - len(after)] + after


@st.composite
def heads(draw: st.DrawFn) -> Case:
    """Draw a request without a body, in which up to six header fields, the path and the query may be long, and one
    header field may come `MOST_FIELDS` times."""
    names = draw(st.lists(st.sampled_from(_FIELDS), max_size=6, unique=True))
    fields = [name + b": " + draw(runs(LONGEST_HEAD // len(names))) for name in names]
    often = draw(st.sampled_from([0, 0, 1, MOST_FIELDS])) * [draw(st.sampled_from(_FIELDS)) + b": " + draw(runs(100))]
    place = draw(st.sampled_from(_PLACES)) + draw(st.sampled_from([b"", b"?", b"?key=", b"/"]))
    place += draw(st.one_of(st.just(b""), runs(15 * KIB))).replace(b" ", b"").replace(b"\t", b"")
    usual = [b"Host: a", b"Tus-Resumable: 1.0.0", b"Upload-Length: 9", b"Content-Length: 0"]
    unusual = {*names, b"Content-Length" if b"Transfer-Encoding" in names else b""}
    kept_fields = [field for field in usual if field.partition(b":")[0] not in unusual]
    line = draw(st.sampled_from(_METHODS)) + b" " + place + b" HTTP/1.1"
    return case(draw, [line, *kept_fields, *fields, *often], ())


@st.composite
def documents(draw: st.DrawFn) -> Case:
    """XML and JSON for direct uploads, of a form that is nearly right."""
    place, body = draw(
        st.one_of(
            st.tuples(st.just(b"/files/s3/xml/" + MULTIPART + b"?key=" + KEY), _xml()),
            st.tuples(st.sampled_from([b"/files/s3/multipart", b"/files/s3/presign"]), json_texts(_MEMBERS)),
            st.tuples(st.just(b"/files/s3/multipart/" + MULTIPART + b"/complete?key=" + KEY), json_texts(_MEMBERS)),
        )
    )
    kind = draw(st.sampled_from([b"application/json", b"text/plain", b"application/xml", b""]))
    head = [b"POST " + place + b" HTTP/1.1", b"Host: a", b"Content-Type: " + kind]
    return case(draw, [*head, b"Content-Length: %d" % len(body)], (body,))


@st.composite
def _xml(draw: st.DrawFn) -> bytes:
    part = b"<Part><PartNumber>" + draw(runs(200)) + b"</PartNumber><ETag>" + draw(runs(200)) + b"</ETag></Part>"
    inside = draw(st.one_of(runs(LONGEST_BODY, _MARKUP), st.integers(0, 20_000).map(lambda count: part * count)))
    before = draw(
        st.sampled_from([b"", b"<CompleteMultipartUpload>", b"<Part>", b'<!DOCTYPE a [<!ENTITY a "aaa">]><a>'])
    )
    return (before + inside + draw(st.sampled_from([b"", b"</CompleteMultipartUpload>"])))[:LONGEST_BODY]


@st.composite
def json_texts(draw: st.DrawFn, names: Sequence[bytes]) -> bytes:
    """Draw a JSON object of up to three members, with names from `names` and odd values, or nearly one: a value or the
    end may be malformed. A single member may be repeated up to 2000 times."""
    odd = st.one_of(
        runs(LONGEST_BODY // 2).map(lambda run: json.dumps(run.decode("latin-1")).encode()),
        st.integers(1, 200_000).map(lambda digits: b"9" * digits),
        st.integers(1, 200_000).map(lambda depth: b"[" * depth),
        st.integers(1, 50_000).map(lambda count: b"[" + b",".join([b"{}"] * count) + b"]"),
        st.sampled_from([b"null", b"NaN", b"1e999", b'"\\ud800"', b'{"parts":[]}', b'{"PartNumber":1}']),
    )
    members = draw(st.lists(st.tuples(st.sampled_from(names), odd), max_size=3))
    written = [b'"' + name + b'":' + value for name, value in members]
    often = min(draw(st.integers(1, 2000)), 1 + LONGEST_BODY // len(written[0])) if len(written) == 1 else 1
    text = b",".join(written * often)
    return (b"{" + text + draw(st.sampled_from([b"}", b"", b"}}"])))[:LONGEST_BODY]


@st.composite
def bodies(draw: st.DrawFn) -> Case:
    """Draw a request that sends bytes to an upload or creates one, as tus, as IETF or as neither, in the chunked
    transfer coding: up to 20,000 chunks of at most 64 bytes, perhaps some with a long extension or a long size before
    them, and an end that may have trailers, be broken or be missing."""
    version = draw(st.sampled_from([b"Tus-Resumable: 1.0.0", b"Upload-Draft-Interop-Version: 8", b"X-None: 1"]))
    way = draw(st.sampled_from([b"PATCH " + TARGET, b"POST /files/"]))
    field = draw(st.sampled_from(_FIELDS)) + b": " + draw(runs(4 * KIB))
    head = [way + b" HTTP/1.1", b"Host: a", version, b"Content-Type: application/offset+octet-stream"]
    fields = [*head, b"Upload-Offset: 5", b"Upload-Length: 100000", b"Upload-Complete: ?1", field]
    piece = chunk(draw(runs(64))) or b"0\r\n\r\n"
    odd = draw(st.sampled_from([piece, b"1;" + b"a" * 4000 + b"\r\na\r\n", b"0" * 4000 + b"1\r\na\r\n"]))
    end = draw(st.sampled_from([b"0\r\n\r\n", b"", b"0\r\n" + b"A: b\r\n" * 500 + b"\r\n", b"zz"]))
    body = odd * draw(st.integers(0, 3)) + piece * draw(st.integers(0, 20_000)) + end
    return case(draw, [*fields, b"Transfer-Encoding: chunked"], (body[:LONGEST_BODY],))


def abused() -> st.SearchStrategy[Case]:
    """Return a strategy that draws the requests of `tests/support/abuse.py` as cases: such as clients send, but perhaps
    with odd fields and a body that is cut off; one in four may also have an odd method, path, version or framing."""
    return abuses().map(lambda abuse: Case(pieces=tuple(abuse.raw()), waits=abuse.waits))


def case(draw: st.DrawFn, lines: list[bytes], body: tuple[bytes, ...]) -> Case:
    cut = draw(st.integers(0, 9)) == 0
    head = b"\r\n".join(lines) + (b"" if cut else b"\r\n\r\n")
    return Case(pieces=(head, *body), waits=draw(st.booleans()) and not cut)
