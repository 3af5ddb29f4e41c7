"""Secrets out of log lines, in linear time whatever a line holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LONGEST = 2048
"""Characters of a value that are logged."""
STACKS = frozenset({"exception", "stack"})
"""Keys of texts of many lines."""

_QUERY = re.compile(r"\?[^\s\"'<>\x1b]*")
_SIGNED = ("x-amz-", "signature=", "awsaccesskeyid=")
"""What the query of a signed URL holds, in lower case."""
_SIGNATURE = re.compile(r"(Signature|Credential)=[^\s,&\"'\x1b]+", re.IGNORECASE)
_USERINFO = re.compile(r"://[^\s/\"'<>]*@")


def without_secrets(line: str) -> str:
    """The line without signed queries, signatures, and what stands before a host in a URL. Most lines have none."""
    if "?" in line:
        line = _QUERY.sub(_without_signature, line)
    plain = line.lower()
    if "signature=" in plain or "credential=" in plain:
        line = _SIGNATURE.sub(r"\1=***", line)
    return _USERINFO.sub("://***@", line) if "://" in line else line


def _without_signature(query: re.Match[str]) -> str:
    plain = query[0].lower()
    return "?…" if any(mark in plain for mark in _SIGNED) else query[0]


def shortened(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with no text longer than `LONGEST`, but for stacks."""
    return {
        key: _cut(value) if isinstance(value, str) and len(value) > LONGEST and key not in STACKS else value
        for key, value in event.items()
    }


def _cut(value: str) -> str:
    return f"{value[:LONGEST]}… ({len(value) - LONGEST} more characters)"
