"""The CORS rules of a bucket that browsers reach themselves: which are needed, and whether they are there. Pure.

S3 takes the first rule that allows a request's origin, method and headers, and no other (S3 User Guide, "Using CORS").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tusd_py.ports.direct import CorsRule

_UPLOADS = CorsRule(id="tusd-py-uploads", methods=("PUT", "POST"), exposed=("ETag", "Location"))
"""Exposed is what Uppy reads of S3's answers."""
_DOWNLOADS = CorsRule(
    id="tusd-py-downloads",
    origins=("*",),
    methods=("GET", "HEAD"),
    exposed=("ETag", "Content-Range", "Accept-Ranges", "Content-Disposition"),
)
"""For any origin: a browser that is redirected doesn't say any more where it comes from (Fetch standard, 4.4)."""

_ANY = re.compile(r"(?:\.|\\[dwS]|\[[^\]]*\])[*+]")
"""What stands for some characters in a regular expression, and for `*` in S3's words."""
_LEFT_OVER = re.compile(r"[\\()\[\]{}?+^$]|\*.*\*")


def origins_of(pattern: str) -> tuple[str, ...]:
    """A regular expression of origins as S3 writes them: with one `*` at most. Raises ValueError."""
    whole = pattern.removeprefix("^").removesuffix("$")
    if grouped := re.fullmatch(r"\((?:\?:)?([^()]*)\)", whole):
        whole = grouped[1]
    return tuple(_origin(alternative) for alternative in whole.split("|"))


def _origin(pattern: str) -> str:
    origin = re.sub(r"\\([./:-])", r"\1", _ANY.sub("*", pattern))
    if not origin or _LEFT_OVER.search(origin):
        raise ValueError(f"S3 has no words for {pattern!r}")
    return origin


def needed(origins: tuple[str, ...], *, uploads: bool, downloads: bool) -> Sequence[CorsRule]:
    """What browsers on these origins need to send and to fetch their bytes."""
    wanted = {replace(_UPLOADS, origins=origins): uploads, _DOWNLOADS: downloads}
    return [rule for rule, switched_on in wanted.items() if switched_on]


def joined(wanted: Sequence[CorsRule], there: Sequence[CorsRule]) -> Sequence[CorsRule]:
    """Both, ours first: what others have made must not answer for us."""
    ours = {rule.id for rule in wanted}
    return [*wanted, *(rule for rule in there if rule.id not in ours)]


def missing(wanted: Sequence[CorsRule], there: Sequence[CorsRule]) -> Iterator[str]:
    """What a browser would miss, in words."""
    for rule in wanted:
        for origin in rule.origins:
            yield from _missing_for(origin, rule, there)


def _missing_for(origin: str, rule: CorsRule, there: Sequence[CorsRule]) -> Iterator[str]:
    for method in rule.methods:
        found = next((each for each in there if _allows(each, origin, method)), None)
        if found is None:
            yield f"{method} from {origin} isn't allowed with any header"
        elif hidden := [name for name in rule.exposed if not _covered(name.lower(), found.exposed)]:
            yield f"{method} from {origin} doesn't expose {', '.join(hidden)}"


def _allows(rule: CorsRule, origin: str, method: str) -> bool:
    return method in rule.methods and "*" in rule.headers and _covered(origin, rule.origins)


def _covered(special: str, general: Sequence[str]) -> bool:
    """S3's `*` stands for any characters, also for another `*`."""
    return any(re.fullmatch(re.escape(each.lower()).replace(r"\*", ".*"), special.lower()) for each in general)


def cors_rule(rule: Mapping[str, Any]) -> CorsRule:
    """As GetBucketCors tells it."""
    lists = {ours: tuple(rule.get(theirs, ())) for ours, theirs in _LISTS.items()}
    return CorsRule(id=rule.get("ID", ""), max_age=rule.get("MaxAgeSeconds", 0), **lists)


def written_rule(rule: CorsRule) -> Mapping[str, Any]:
    """As PutBucketCors, and the AWS command line, take it."""
    lists = {theirs: list(getattr(rule, ours)) for ours, theirs in _LISTS.items() if getattr(rule, ours)}
    named = {"ID": rule.id} if rule.id else {}
    return {**named, **lists, **({"MaxAgeSeconds": rule.max_age} if rule.max_age else {})}


_LISTS = {
    "origins": "AllowedOrigins",
    "methods": "AllowedMethods",
    "headers": "AllowedHeaders",
    "exposed": "ExposeHeaders",
}
