"""Functions by name, each of which has the server read one text as a piece of a plain request, a form, or a request
for a job or an export, or write it into an answer. The test of linear time calls them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from aiohttp.test_utils import make_mocked_request

from tests.support.uploads import upload
from tusd_py.domain.refusals import Refusal
from tusd_py.http.plain_terms import PlainTerms
from tusd_py.protocol import export_request, job_messages
from tusd_py.protocol.parameters import parse_parameters
from tusd_py.protocol.plain import answers, names, parts, reading
from tusd_py.protocol.plain.form import FormLimits
from tusd_py.protocol.plain.form_parser import FormParser
from tusd_py.protocol.wire import RequestHead
from tusd_py.serving import negotiation

Use = Callable[[str], object]
_FORM = "multipart/form-data; boundary=a"
_LIMITS = FormLimits(max_files=1000, max_fields=64, max_field_bytes=16 * 1024)
_HEAD = "--a\r\nContent-Disposition: form-data; name=a; filename=a\r\n"


def _read_post(text: str) -> object:
    fields = {"Content-Type": text, "Content-Disposition": text, "Content-Encoding": text, text: text}
    head = RequestHead(method="POST", on_upload=False, headers=fields, content_length=5)
    return reading.is_plain(head), reading.is_form(head), reading.read_post(head)


def _in_head(field: bytes) -> Use:
    def use(text: str) -> None:
        with suppress(Refusal):
            parts.read_part_head([(field, text.encode())])
        parts.read_part_head(
            [(field, b"form-data; name=a; filename=" + text.encode()), (b"Content-Type", text.encode())]
        )

    return use


def _in_form(before: str, after: str) -> Use:
    return lambda text: FormParser(_FORM, _LIMITS).feed(f"{before}{text}{after}".encode())


def _answer(text: str) -> object:
    uploads = [replace(upload(), metadata={"filename": text.encode()})]
    return (
        *(answers.created(uploads, f"https://{text}/", page=page) for page in (True, False)),
        answers.redirected(uploads, text),
    )


def _enter(text: str) -> None:
    terms = PlainTerms(
        parser=lambda kind: FormParser(kind, _LIMITS), origins=re.compile(r"https://.*\.example"), ambient=True
    )
    terms.check_page(make_mocked_request("POST", "/files/", headers={"Origin": text}), "https://a.example")


def _ask_for_jobs(text: str) -> None:
    unknown, scan = {"kind": text, "upload": text, text: text}, {"kind": "scan", "upload": "a", "args": {text: text}}
    for message in (unknown, scan):
        with suppress(Refusal):
            job_messages.read_request(json.dumps(message).encode())
    filtered: Mapping[str, object] = {"filter": {"owner": text, "meta": {text: text}}}
    for members in (filtered, {"ids": [text]}, {"ids": ["a"], "filename": text}):
        with suppress(Refusal):
            export_request.read_export(json.dumps(members).encode())


IN_FIELDS: Mapping[str, Use] = {
    "parameters": parse_parameters,
    "page of a form": _enter,
    "Accept": negotiation.prefers_html,
    "Accept-Encoding": lambda text: negotiation.takes_coding(text, "gzip"),
    "plain request": _read_post,
    "boundary": lambda text: FormParser(f"multipart/form-data; boundary={text}", _LIMITS),
}
IN_PATHS: Mapping[str, Use] = {
    "segment": names.name_in_segment,
    "redirect": lambda text: answers.may_redirect(text, text, re.compile(r"https://.*\.example")),
    "head of a part": _in_head(b"Content-Disposition"),
    "answer with a name": _answer,
    "job or export": _ask_for_jobs,
}
IN_BODIES: Mapping[str, Use] = {
    "form": _in_form("", ""),
    "header field of a form": _in_form(_HEAD, "\r\n\r\n"),
    "file of a form": _in_form(f"{_HEAD}\r\n", "\r\n--a--\r\n"),
    "field of a form": _in_form("--a\r\nContent-Disposition: form-data; name=a\r\n\r\n", "\r\n--a--\r\n"),
}
