"""Each parser of what clients, proxies and S3 send, and the longest text that reaches it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from xml.sax.saxutils import escape

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.support.uploads import upload
from tests.unit.linear import plain_parsers
from tusd_py.auth import credentials, forward, jws, terms
from tusd_py.auth.terms import Terms
from tusd_py.auth.tokens import UploadToken, sign, verify
from tusd_py.config.kinds import LOOPBACK
from tusd_py.domain import allowed, names
from tusd_py.domain import record_json as codec
from tusd_py.domain.caller import Caller
from tusd_py.domain.content_types import HEAD_BYTES, check_content
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.limits import Limits
from tusd_py.domain.numbers import parse_integer
from tusd_py.domain.principal import Allowance
from tusd_py.domain.refusals import Refusal
from tusd_py.domain.targets import without_tokens
from tusd_py.domain.trace import read_trace
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import parse_upload_id
from tusd_py.http import caller, endpoint, translation
from tusd_py.http.cors import Cors
from tusd_py.http.forwarded import Family, Trust
from tusd_py.http.request_filter import RequestFilter
from tusd_py.protocol import companion, headers, s3parts, structured
from tusd_py.protocol.links import ReadLinks
from tusd_py.protocol.rufh import representation
from tusd_py.protocol.tus import Tus
from tusd_py.protocol.wire import RequestHead
from tusd_py.serving import conditions, dates, disposition, media_types, ranges
from tusd_py.storage import naming
from tusd_py.storage.s3 import attributes, keys
from tusd_py.storage.s3.api import errors, signing
from tusd_py.telemetry import redaction
from tusd_py.transfer.file_marks import FileMarks

FIELD = 256 * 1024
"""The most characters of a header field with the default settings (`server/process.py make_runner`)."""
PATH = 16 * 1024
"""The most characters of a path with its query (`server/process.py make_runner`)."""
BODY = 2 * 1024 * 1024
"""The most characters of JSON and XML in requests for direct uploads (`http/handlers/direct.py`)."""
METADATA = 16 * 1024
"""The most characters of an upload's metadata, all together, with the default settings (`max-metadata-size`)."""
TRACE = f"00-{'1' * 32}-{'2' * 16}-01"
MARKS = FileMarks()
LINE = 64 * 1024
"""A length in characters that few lines of the log exceed: a line has some values, each cut short, and
perhaps a stack trace."""


@dataclass(frozen=True, slots=True)
class Parser:
    use: Callable[[str], object]
    longest: int


def fields(uses: Mapping[str, Callable[[str], object]]) -> Mapping[str, Parser]:
    return {name: Parser(use, FIELD) for name, use in uses.items()}


def request_with(name: str, text: str) -> web.Request:
    request = make_mocked_request("POST", "/files/", headers={"Host": "a.example", name: text})
    return request.clone(remote="127.0.0.1")


def trusting(family: Family = "auto") -> Trust:
    return Trust(networks=LOOPBACK, family=family)


def enter(name: str) -> Callable[[str], object]:
    cors = Cors(allow_origin=re.compile(r"https://.*\.example"), allow_credentials=False)
    request_filter = RequestFilter(hosts=("*.example",), cors=cors, trust=trusting())
    return lambda text: request_filter.check(request_with(name, text))


def told_by_proxy(name: str, family: Family = "auto") -> Callable[[str], object]:
    def use(text: str) -> object:
        request, trust = request_with(name, text), trusting(family)
        return caller.log_fields(request, trust), endpoint.origin(request, trust), endpoint.request_id(request)

    return use


def describing(text: str) -> Upload:
    return replace(upload(), metadata={"filename": text.encode(), "filetype": text.encode(), text: b""})


def sniff(text: str) -> None:
    head = text.encode()[:HEAD_BYTES]
    check_content(describing(text), head, MARKS.find(head), MARKS.kinds, ("a/*",))


def remember(text: str) -> Upload:
    """Encode and decode, as a state store does, an upload with the text in its metadata, and return it."""
    return codec.decode(codec.encode(describing(text)))


def serve(text: str) -> object:
    """Make the header fields of a download and of HEAD from metadata with the text."""
    metadata = describing(text).metadata
    return (
        disposition.present(metadata),
        headers.encode_metadata(metadata),
        media_types.served_type(media_types.media_type(metadata) or ""),
    )


def read_tus(method: str, field: str) -> Callable[[str], object]:
    def use(text: str) -> object:
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Length": "5",
            "Upload-Offset": "0",
            "Content-Type": CHUNK,
            field: text,
        }
        return Tus(LIMITS).read(
            RequestHead(method=method, on_upload=method == "PATCH", headers=headers, content_length=0)
        )

    return use


def read_begun(document: companion.Json) -> object:
    return companion.read_begin(document, DirectMode.PARTS, LIMITS)


def every(*ways: Callable[[str], object]) -> Callable[[str], object]:
    """Return a function that applies all `ways` to a text, even if some refuse it."""

    def use(text: str) -> None:
        for way in ways:
            with suppress(Refusal, ValueError, RecursionError):
                way(text)

    return use


def in_part(name: str) -> Callable[[str], object]:
    parts = {"ETag": "a", "PartNumber": "1"}

    def use(text: str) -> object:
        inside = "".join(f"<{tag}>{escape(value)}</{tag}>" for tag, value in {**parts, name: text}.items())
        return s3parts.read_parts(f"<Part>{inside}</Part>".encode())

    return use


def send_to_s3(text: str) -> object:
    """Sign a PUT that has the text in its key, query, metadata and type."""
    parameters = {"Metadata": attributes.user_metadata(describing(text)), "ContentType": text}
    key = keys.object_key(describing(text), prefix="p/", template="{filename}{id}")
    target = signing.Target(
        method="PUT", host="a", path=signing.escaped(key + text), query=signing.encoded({text: text})
    )
    return signing.signed(target, attributes.as_headers(parameters), CREDENTIALS, "a", datetime.now(UTC))


def described(*names: str) -> Callable[[str], Iterable[object]]:
    return lambda text: [representation.metadata_of({name: text}, LIMITS) for name in names]


def caller_with(text: str) -> Caller:
    """Return the caller of a creation with the text wherever a credential may be."""
    fields = {
        "Authorization": f"Bearer {text}",
        "X-Api-Key": text,
        "Upload-Token": text,
        "Connection": text,
        text: text,
    }
    return Caller(method="POST", target=f"/files/?token={text}", headers=fields, endpoint="https://a.example/files/")


def read_credentials(text: str) -> object:
    caller = caller_with(text)
    return credentials.is_present(caller), jws.read_header(text), jws.read_header(f"{text}.{text}.{text}")


def read_term(name: str, text: str) -> Callable[[str], object]:
    return lambda _: [terms.parse_terms({name: value}) for value in (text, [text], {text: text})]


def read_signed(text: str) -> object:
    """Verify a token that has the text in its claims and is signed with the right secret."""
    token = UploadToken(jti="a", audience=text, expires_at=2**33, terms=Terms(subject=text, metadata={"a": text}))
    return verify(sign(token, "s" * 32), "s" * 32, text)


CHUNK = "application/offset+octet-stream"
CREDENTIALS = SimpleNamespace(access_key="a", secret_key="a", token=None)
LIMITS = Limits()
LINKS = ReadLinks("a" * 32)
TUS = ("Tus-Resumable", "Upload-Length", "Upload-Defer-Length", "Upload-Concat", "Upload-Metadata", "Content-Type")
PROXIES = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix")

READ_DIRECT: Sequence[Callable[[str], object]] = (
    *(partial(lambda name, text: read_begun({name: text}), name) for name in ("filename", "type", "size")),
    lambda text: read_begun({"metadata": {"a": text}}),
    lambda text: read_begun({"metadata": {text: "a"}}),
    lambda text: companion.read_parts({"parts": [{"ETag": text, "PartNumber": text}]}),
    lambda text: companion.read_presign({"method": text, "key": text}),
    lambda text: companion.read_presign({"method": "a", "key": "a", "uploadId": text}),
    lambda text: companion.read_presign({"method": "a", "key": "a", "partNumber": text}),
)

PARSERS: Mapping[str, Parser] = {
    **fields(
        {
            "Upload-Metadata": lambda text: headers.parse_metadata(text, LIMITS),
            "Upload-Checksum": headers.parse_checksum,
            "digest in Upload-Checksum": lambda text: headers.parse_checksum(f"sha1 {text}"),
            "Upload-Concat": lambda text: headers.parse_concat(text, LIMITS),
            "Upload-Length": lambda text: parse_integer("Upload-Length", text),
            **{f"tus {field}": read_tus("POST", field) for field in TUS},
            "tus Upload-Offset": read_tus("PATCH", "Upload-Offset"),
            "tus Upload-Length at last": read_tus("PATCH", "Upload-Length"),
            "structured dictionary": structured.parse_dictionary,
            "structured integer": structured.parse_integer,
            "structured boolean": structured.parse_boolean,
            "Content-Disposition": described("Content-Disposition"),
            "Content-Type": described("Content-Type", "Content-Encoding"),
            "media type of a body": lambda text: headers.is_media_type(text, "a/b"),
            "Content-Digest": lambda text: representation.content_digest({"Content-Digest": text}),
            "Want-Repr-Digest": lambda text: representation.requested_digest({"Want-Repr-Digest": text}),
            "If-Match": lambda text: conditions.failed_precondition({"If-Match": text}, '"a"', 0),
            "If-None-Match": lambda text: conditions.failed_precondition({"If-None-Match": text}, '"a"', 0),
            "If-Range": lambda text: conditions.range_applies({"If-Range": text}, '"a"', 0),
            "Date": dates.parse_http_date,
            "Range": lambda text: ranges.select_span(text, 100),
            "method": lambda text: translation.effective_method(request_with("X-HTTP-Method-Override", text)),
            "Origin": enter("Origin"),
            "Transfer-Encoding": enter("Transfer-Encoding"),
            "host that is let in": enter("Host"),
            "Host": told_by_proxy("Host"),
            "X-Request-ID": told_by_proxy("X-Request-ID"),
            **{name: told_by_proxy(name) for name in PROXIES},
            "traceparent": lambda text: read_trace({"traceparent": text}),
            "tracestate": lambda text: read_trace({"traceparent": TRACE, "tracestate": text}),
            "Forwarded alone": told_by_proxy("Forwarded", "forwarded"),
        }
    ),
    **fields(plain_parsers.IN_FIELDS),
    **{name: Parser(use, PATH) for name, use in plain_parsers.IN_PATHS.items()},
    **{name: Parser(use, BODY) for name, use in plain_parsers.IN_BODIES.items()},
    "credentials": Parser(every(read_credentials), FIELD),
    "signed content": Parser(every(read_signed), METADATA),
    "question to an authentication server": Parser(lambda text: forward.question(caller_with(text)), FIELD),
    "terms of a token": Parser(lambda text: every(*(read_term(name, text) for name in terms.NAMES))(text), METADATA),
    "name of an upload": Parser(names.is_name, METADATA),
    "id": Parser(parse_upload_id, PATH),
    "link": Parser(LINKS.upload_id, PATH),
    "query": Parser(lambda text: companion.read_query({f"metadata[{text}]": text}), PATH),
    "key": Parser(keys.sanitize, PATH),
    "internal key": Parser(lambda text: keys.internal_owner(text, "a/"), PATH),
    "JSON": Parser(lambda text: companion.read_json(text.encode()), BODY),
    "in JSON": Parser(every(*READ_DIRECT), BODY),
    "length in JSON": Parser(companion.read_length, BODY),
    "XML": Parser(lambda text: s3parts.read_parts(b"<a>" + text.encode() + b"</a>"), BODY),
    "XML of a part": Parser(every(in_part("ETag"), in_part("PartNumber")), PATH),
    "object in S3": Parser(send_to_s3, METADATA),
    "S3's error": Parser(lambda text: errors.failure_from_body("GetObject", 404, text.encode()), BODY),
    "record": Parser(remember, METADATA),
    "name and type": Parser(serve, METADATA),
    "name": Parser(lambda text: disposition.present({"filename": text.encode(), "filetype": b"text/plain"}), METADATA),
    "type": Parser(lambda text: media_types.media_type({"filetype": text.encode()}), METADATA),
    "coding": Parser(lambda text: media_types.content_coding({"contentencoding": text.encode()}), METADATA),
    "name of a file": Parser(naming.sanitize, METADATA),
    "declared type and name": Parser(
        lambda text: allowed.check_allowed(
            describing(text).metadata, Limits(allowed_types=("a/*",), allowed_extensions=("a", "a.a"))
        ),
        METADATA,
    ),
    "type for a credential": Parser(
        lambda text: allowed.apply(Allowance(types=("a/*",)), describing(text).metadata, Limits()), METADATA
    ),
    "first bytes": Parser(sniff, BODY),
    "log line": Parser(redaction.without_secrets, LINE),
    "target of an event": Parser(without_tokens, PATH),
    "target that is a URL": Parser(
        lambda text: endpoint.target_of(make_mocked_request("GET", f"http://a/{text}")), PATH
    ),
}
