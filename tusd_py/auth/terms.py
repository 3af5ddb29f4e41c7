"""The terms of an upload token: what its bearer may do, as the members of JSON that POST /tokens and the token hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tusd_py.auth.credentials import parse_identifier
from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.names import has_room_for_id, is_metadata_key, is_name, is_place, is_type_range
from tusd_py.domain.principal import CREATE, READ, WATCH

SCOPES = (CREATE, WATCH, READ)
TTL, LONGEST_TTL = 3600.0, 7 * 86_400.0
"""The usual and the longest lifetime of a token, in seconds."""
WATCH_TTL = 60.0
"""The usual lifetime in seconds of a token with the scope `WATCH`: it is needed only to connect, and may stand in a
URL."""
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The claims of an upload token that say what its bearer may do; None and empty values set no limit."""

    scope: str = CREATE
    subject: str | None = None
    max_length: int | None = None
    """The most bytes of one upload."""
    types: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    key_prefix: str = ""
    """The prefix of each object's key. POST /tokens takes it from the API key of its request, never from the request's
    JSON."""
    uses: int = 1
    """The number of uploads that the token may create."""

    def claims(self) -> Mapping[str, Any]:
        """Return the claims by their names in the token, without those that are None or empty."""
        claims = {claim: getattr(self, name) for claim, name in _CLAIMS.items()}
        claims["types"] = list(self.types)
        return {claim: value for claim, value in claims.items() if value not in (None, "", [], {})}


_CLAIMS = {
    "scope": "scope",
    "sub": "subject",
    "max": "max_length",
    "types": "types",
    "meta": "metadata",
    "key": "name",
    "key_prefix": "key_prefix",
    "n": "uses",
}
"""The field of `Terms` for each claim."""
NAMES = frozenset(_CLAIMS) - {"key_prefix"}
"""The members that POST /tokens takes as terms."""


def parse_terms(members: Mapping[str, Any]) -> Terms:
    """Return the terms that `members` set, by the names of claims; other members are ignored. Raises ValueError with a
    sentence that names a wrong member and its rule.
    """
    for claim, (fits, rule) in _RULES.items():
        if claim in members and not fits(members[claim]):
            raise ValueError(f"{claim} must be {rule}")
    values = {name: members[claim] for claim, name in _CLAIMS.items() if claim in members}
    if "types" in values:
        values["types"] = tuple(map(str.lower, values["types"]))
    return _checked(Terms(**values))


def _checked(terms: Terms) -> Terms:
    """Return the terms. Raises ValueError with a sentence if the token is for several uploads and its `key` is too
    long for their names: the name of each upload is the key, a hyphen and the upload's id.
    """
    if terms.name is not None and terms.uses > 1 and not has_room_for_id(terms.name):
        raise ValueError("key must be at most 222 characters if n is above 1: a hyphen and the upload's id follow it")
    return terms


def _is_count(value: Any, minimum: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= _LARGEST


def _is_subject(value: Any) -> bool:
    try:
        return bool(parse_identifier(value))
    except Unauthenticated:
        return False


def _are_types(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(kind, str) and is_type_range(kind.lower()) for kind in value)


def _is_metadata(value: Any) -> bool:
    return isinstance(value, dict) and all(is_metadata_key(key) and _is_text(text) for key, text in value.items())


def _is_text(value: Any) -> bool:
    """Return True for text that UTF-8 can encode: not for half of a surrogate pair, which JSON can hold."""
    return isinstance(value, str) and value.encode(errors="replace").decode() == value


_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "scope": (lambda value: isinstance(value, str) and value in SCOPES, f"one of {', '.join(SCOPES)}"),
    "sub": (_is_subject, "1 to 255 printable characters"),
    "max": (lambda value: _is_count(value, 0), "a number of bytes, 0 or more"),
    "types": (_are_types, "a list of types such as image/*"),
    "meta": (_is_metadata, "an object of texts, its keys visible ASCII without commas"),
    "key": (lambda value: isinstance(value, str) and is_name(value), "a path of letters, digits and -_.~ between /"),
    "key_prefix": (lambda value: isinstance(value, str) and is_place(f"{value}x"), "text that may begin a key"),
    "n": (lambda value: _is_count(value, 1), "a number of uploads, 1 or more"),
}
