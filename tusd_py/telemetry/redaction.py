"""Removal of secrets from log lines, in time linear in the line's length."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LONGEST = 2048
"""The most characters of a text that are logged, other than a stack trace."""
STACKS = frozenset({"exception", "stack"})
"""The keys of an event whose values are stack traces, of many lines."""


def _text_without(stops: str) -> str:
    """Return the pattern of one or more characters of a rendered text, up to a blank, a backslash before a blank
    or before `n`, `r` or `t`, or one of `stops` (the inside of a character class of `re`). A backslash and any other
    character after it count as one: a stop that is escaped isn't the end, and no escape is cut.
    """
    plain, escaped = rf"[^\s\\{stops}]", r"\\[^\snrt]"
    return rf"(?:{plain}|{escaped}){plain}*(?:{escaped}{plain}*)*"


_QUERY = re.compile(r"\?" + _text_without(r"\"'<>\x1b"))
_SIGNED = ("x-amz-", "signature=", "awsaccesskeyid=")
"""Texts by which a signed URL's query is recognized, in lower case."""
_SIGNATURE = re.compile(r"(Signature|Credential)=" + _text_without(r",&\"'\x1b"), re.IGNORECASE)
_TOKEN = re.compile(r"(token|ticket|password)=" + _text_without(r",&\"'<>\x1b"), re.IGNORECASE)
"""The pattern of credentials in a query: upload tokens (`token`), the tickets of clients that listen (`ticket`), and
passwords of other servers."""
_USERINFO = re.compile(r"://[^\s/\"<>]*@")


def without_secrets(line: str) -> str:
    """Return the line with each signed query replaced by …, and by *** what follows `Signature=`, `Credential=`,
    `token=`, `ticket=` and `password=`, in upper or lower case, and the user and password of URLs."""
    if "://" in line:
        line = _USERINFO.sub("://***@", line)
    if "?" in line:
        line = _QUERY.sub(_without_signature, line)
    plain = line.lower()
    if "signature=" in plain or "credential=" in plain:
        line = _SIGNATURE.sub(r"\1=***", line)
    if "token=" in plain or "ticket=" in plain or "password=" in plain:
        line = _TOKEN.sub(r"\1=***", line)
    return line


def _without_signature(query: re.Match[str]) -> str:
    plain = query[0].lower()
    return "?…" if any(mark in plain for mark in _SIGNED) else query[0]


def shortened(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event with its texts cut to `LONGEST` characters, and the number of the further ones added; stacks
    stay whole."""
    return {
        key: _cut(value) if isinstance(value, str) and len(value) > LONGEST and key not in STACKS else value
        for key, value in event.items()
    }


def _cut(value: str) -> str:
    return f"{value[:LONGEST]}… ({len(value) - LONGEST} more characters)"
