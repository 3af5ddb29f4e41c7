"""Requests for forms, plain uploads, listings, live events, jobs and exports."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.fuzz.cases import LONGEST_BODY, Case, case, json_texts, runs
from tests.support.abuse import TARGET

_BOUNDARY = b"--a"
_LINES = [
    *(b"\r\n", b"\r", b"\n", b"\r\n-", b"\r\n--", b"\r\n--a", b"\r\n--a\r\n\r\n", b"\r\n--a\r\na: b\r\n\r\n", b"--a--"),
    *(b"--a\r\nContent-Disposition: form-data; name=a; filename=a\r\n\r\n\r\n", b"a", b"\x00"),
]
_DISPOSITIONS = [b"Content-Disposition: form-data; name=", b"Content-Type: ", b"a: ", b"filename*=UTF-8''", b""]
_LISTS = [
    b"/uploads",
    b"/events",
    b"/dashboard",
    b"/jobs",
    b"/exports",
    *(TARGET + end for end in (b"/events", b"/status")),
]
_QUERIES = [
    *(b"since", b"format", b"phase", b"owner", b"kind", b"follow", b"types", b"limit", b"last-event-id", b"wait"),
    *(b"revision", b"filename", b"created-after", b"fields", b"x"),
]
_VALUES = [b"0", b"now", b"1", b"ndjson", b"csv", b"json", b"open", b"-1", b"9" * 19, b"1e9", b"", b"%ff", b"%00"]


@st.composite
def forms(draw: st.DrawFn) -> Case:
    """Forms whose boundary, heads and contents are long, many, or nearly what a parser looks for."""
    boundary = draw(st.one_of(st.sampled_from([b"a", b'"a"', b"", b"a" * 70, b"a" * 71]), runs(2000)))
    head = b"\r\n" + draw(st.sampled_from(_DISPOSITIONS)) + draw(runs(20_000))
    content = draw(runs(LONGEST_BODY, _LINES))
    body = _BOUNDARY + head + draw(st.sampled_from([b"\r\n\r\n", b"\r\n", b""])) + content
    body = draw(st.sampled_from([body, content, _BOUNDARY + b"\r\n" + content]))[:LONGEST_BODY]
    lines = [b"POST /files/ HTTP/1.1", b"Host: a", b"Content-Type: multipart/form-data; boundary=" + boundary]
    return case(draw, [*lines, b"Content-Length: %d" % len(body)], (body,))


@st.composite
def files(draw: st.DrawFn) -> Case:
    """A PUT or POST of a small file, with odd or long text in its path, Content-Disposition and Content-Type."""
    way = (
        draw(st.sampled_from([b"PUT", b"POST"])) + b" /files/" + draw(runs(2000)).replace(b" ", b"").replace(b"\t", b"")
    )
    fields = [b"Content-Disposition: " + draw(runs(20_000)), b"Content-Type: " + draw(runs(2000))]
    return case(draw, [way + b" HTTP/1.1", b"Host: a", *fields, b"Content-Length: 5"], (b"hello",))


@st.composite
def lists(draw: st.DrawFn) -> Case:
    """Draw a GET of /uploads, /events, /dashboard, /jobs or /exports, or of an upload's events or status, with query
    parameters that the server knows or not, and with odd or long values."""
    names, values = st.sampled_from(_QUERIES), st.one_of(st.sampled_from(_VALUES), runs(2000))
    pairs = draw(st.lists(st.tuples(names, values), max_size=8))
    query = b"&".join(name + b"=" + value.replace(b" ", b"").replace(b"\t", b"") for name, value in pairs)
    fields = [b"Accept: " + draw(runs(20_000)), b"Last-Event-ID: " + draw(runs(2000))]
    line = b"GET " + draw(st.sampled_from(_LISTS)) + b"?" + query + b" HTTP/1.1"
    return case(draw, [line, b"Host: a", *draw(st.lists(st.sampled_from(fields), max_size=2))], ())


@st.composite
def orders(draw: st.DrawFn) -> Case:
    """POST requests for jobs and exports whose JSON bodies are nearly right."""
    body = draw(json_texts([b"kind", b"upload", b"args", b"format", b"ids", b"filter", b"filename"]))
    line = b"POST " + draw(st.sampled_from([b"/jobs", b"/exports"])) + b" HTTP/1.1"
    lines = [line, b"Host: a", b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
    return case(draw, lines, (body,))


@st.composite
def sockets(draw: st.DrawFn) -> Case:
    """Draw a WebSocket handshake for an upload, followed by frames with random heads (RFC 6455, 5.2): any opcode and
    declared length, whole or cut, masked or not."""
    lines = [b"GET " + TARGET + b"/socket HTTP/1.1", b"Host: a", b"Connection: Upgrade", b"Upgrade: websocket"]
    lines += [b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    frame = draw(st.binary(min_size=1, max_size=14)) + draw(runs(draw(st.sampled_from([0, 125, 4096, 70_000]))))
    return case(draw, lines, (frame * draw(st.sampled_from([1, 2, 20])),))


def streams() -> st.SearchStrategy[Case]:
    return st.one_of(forms(), files(), lists(), orders(), sockets())
