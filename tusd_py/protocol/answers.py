"""The merging of a response with the answers of hooks (tusd's `HTTPResponse`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tusd_py.domain.answers import Answer
from tusd_py.protocol.wire import Reply

_TYPE = "content-type"
_OK, _NO_CONTENT, _FIRST_ERROR, _FIRST_REDIRECT, _END = 200, 204, 400, 300, 600


def merge(reply: Reply, answer: Answer) -> Reply:
    """Return the reply to a request that isn't refused, merged with a hook's answer. The answer's body, if it has one,
    replaces the reply's body and Content-Type, and makes a 204 a 200. The answer's header fields replace those of the
    same name, but Link fields are joined. Its status replaces the reply's only if it is a success (2xx)."""
    status = reply.status if answer.status is None or not _OK <= answer.status < _FIRST_REDIRECT else answer.status
    if answer.body and status == _NO_CONTENT:
        status = _OK
    return _merged(replace(reply, status=status), answer)


def merge_refusal(reply: Reply, answer: Answer) -> Reply:
    """Return the reply to a request that a hook refuses, merged with the hook's answer: body and header fields as
    `merge` does it; the answer's status replaces the reply's only if it is an error (4xx, 5xx).
    """
    is_error = answer.status is not None and _FIRST_ERROR <= answer.status < _END
    return _merged(replace(reply, status=answer.status) if is_error and answer.status else reply, answer)


def add_fields(headers: Mapping[str, str], answers: Iterable[Answer]) -> Mapping[str, str]:
    """Return the header fields of a response, `headers`, merged with those of the hooks' answers as by `merge`, except
    Content-Type: status and body of the response stay.
    """
    for answer in answers:
        added = {name: value for name, value in answer.headers.items() if name.lower() != _TYPE}
        headers = _merged_fields(headers, added)
    return headers


def _merged(reply: Reply, answer: Answer) -> Reply:
    own = {name: value for name, value in reply.headers.items() if not answer.body or name.lower() != _TYPE}
    return replace(reply, headers=_merged_fields(own, answer.headers), text=answer.body or reply.text)


def _merged_fields(own: Mapping[str, str], added: Mapping[str, str]) -> Mapping[str, str]:
    fields = {name.lower(): (name, value) for name, value in own.items()}
    for name, value in added.items():
        _, before = fields.get(name.lower(), (name, ""))
        fields[name.lower()] = (name, f"{before}, {value}" if before and name.lower() == "link" else value)
    return dict(fields.values())
