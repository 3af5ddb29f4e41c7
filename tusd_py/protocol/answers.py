"""Responses merged with the answers of hooks (tusd's `HTTPResponse`)."""

from __future__ import annotations

from dataclasses import replace

from tusd_py.domain.answers import Answer
from tusd_py.protocol.wire import Reply

_OK, _NO_CONTENT, _FIRST_ERROR, _FIRST_REDIRECT, _END = 200, 204, 400, 300, 600


def merge(reply: Reply, answer: Answer) -> Reply:
    """Return the reply to a request that isn't refused. Its headers replace those of the same name, but a Link field is
    added to ours; a status that isn't a success is ignored."""
    status = reply.status if answer.status is None or not _OK <= answer.status < _FIRST_REDIRECT else answer.status
    if answer.body and status == _NO_CONTENT:
        status = _OK
    return _merged(replace(reply, status=status), answer)


def merge_refusal(reply: Reply, answer: Answer) -> Reply:
    """Return the reply to a request that a hook refuses; a status that isn't an error is ignored."""
    is_error = answer.status is not None and _FIRST_ERROR <= answer.status < _END
    return _merged(replace(reply, status=answer.status) if is_error and answer.status else reply, answer)


def _merged(reply: Reply, answer: Answer) -> Reply:
    fields = {name.lower(): (name, value) for name, value in reply.headers.items()}
    if answer.body:
        fields.pop("content-type", None)
    for name, value in answer.headers.items():
        _, own = fields.get(name.lower(), (name, ""))
        fields[name.lower()] = (name, f"{own}, {value}" if own and name.lower() == "link" else value)
    return replace(reply, headers=dict(fields.values()), text=answer.body or reply.text)
