"""The CORS rules of a bucket that browsers reach directly: those that are needed, and those that are missing. No I/O.

S3 takes the first rule that allows a request's origin and method and, for a preflight request, also the headers that it
asks for (S3 User Guide, "Using CORS").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tusd_py.ports.direct import CorsRule

_UPLOADS = CorsRule(id="tusd-py-uploads", methods=("PUT", "POST"), exposed=("ETag", "Location"))
"""The rule for direct uploads, to which `needed` adds the origins. Uppy reads the exposed headers of S3's answers."""
_DOWNLOADS = CorsRule(
    id="tusd-py-downloads",
    origins=("*",),
    methods=("GET", "HEAD"),
    exposed=("ETag", "Content-Range", "Accept-Ranges", "Content-Disposition"),
)
"""The rule for downloads, for any origin: if the server that redirects to the bucket has another origin than the page,
the browser sends the origin `null` (Fetch standard, 2.2.5, "redirect-taint")."""

_ANY = re.compile(r"(?:\.|\\[dwS]|\[[^\]]*\])[*+]")
"""The pattern of a wildcard in a regular expression, such as `.*` and `[^.]+`, for which S3 writes `*`."""
_MARK = "\0"
"""The character that replaces each wildcard of a regular expression (`_ANY`, such as `.*`) at first: a `*` that
remains then repeats what is before it, which S3 can't express."""
_LEFT_OVER = re.compile(rf"[\\()\[\]{{}}?+*^$]|{_MARK}.*{_MARK}")


def origins_of(pattern: str) -> tuple[str, ...]:
    """Return the origins that a regular expression allows, as S3 writes them: with `*` for a wildcard such as `[^.]+`,
    at most one in each, and a `.` alone taken for a dot. Raises ValueError if S3 can't express them."""
    whole = pattern.removeprefix("^").removesuffix("$")
    if grouped := re.fullmatch(r"\((?:\?:)?([^()]*)\)", whole):
        whole = grouped[1]
    return tuple(_origin(alternative) for alternative in whole.split("|"))


def _origin(pattern: str) -> str:
    origin = re.sub(r"\\([./:-])", r"\1", _ANY.sub(_MARK, pattern))
    if not origin or _LEFT_OVER.search(origin):
        raise ValueError(f"S3 has no words for {pattern!r}")
    return origin.replace(_MARK, "*")


def needed(origins: tuple[str, ...], *, uploads: bool, downloads: bool) -> Sequence[CorsRule]:
    """Return the rules that browsers need: with `uploads`, to send bytes from these origins; with `downloads`, to fetch
    bytes, from any origin."""
    candidates = {replace(_UPLOADS, origins=origins): uploads, _DOWNLOADS: downloads}
    return [rule for rule, switched_on in candidates.items() if switched_on]


def joined(required: Sequence[CorsRule], present: Sequence[CorsRule]) -> Sequence[CorsRule]:
    """Return the required rules, then the present rules with other ids: S3 takes the first that matches."""
    ids = {rule.id for rule in required}
    return [*required, *(rule for rule in present if rule.id not in ids)]


def missing(required: Sequence[CorsRule], present: Sequence[CorsRule]) -> Iterator[str]:
    """Yield a phrase for each required origin and method that is wanting: no present rule allows both with all
    headers (`*`), or the first present rule that allows both, with or without all headers, doesn't expose
    all required response headers.
    """
    for rule in required:
        for origin in rule.origins:
            yield from _missing_for(origin, rule, present)


def _missing_for(origin: str, rule: CorsRule, present: Sequence[CorsRule]) -> Iterator[str]:
    for method in rule.methods:
        matches = [candidate for candidate in present if _allows(candidate, origin, method)]
        if not any("*" in match.headers for match in matches):
            yield f"{method} from {origin} isn't allowed with any header"
        elif hidden := [name for name in rule.exposed if not _covered(name.lower(), matches[0].exposed)]:
            yield f"{method} from {origin} doesn't expose {', '.join(hidden)}"


def _allows(rule: CorsRule, origin: str, method: str) -> bool:
    return method in rule.methods and _covered(origin, rule.origins)


def _covered(special: str, general: Sequence[str]) -> bool:
    """Return True if one of the general patterns covers the special one: S3's `*` stands for any characters, also for
    another `*`. Case doesn't count."""
    return any(re.fullmatch(re.escape(pattern.lower()).replace(r"\*", ".*"), special.lower()) for pattern in general)


def cors_rule(rule: Mapping[str, Any]) -> CorsRule:
    """Return the `CorsRule` of a rule in the answer of GetBucketCors."""
    lists = {name: tuple(rule.get(s3_name, ())) for name, s3_name in _LISTS.items()}
    return CorsRule(id=rule.get("ID", ""), max_age=rule.get("MaxAgeSeconds", 0), **lists)


def written_rule(rule: CorsRule) -> Mapping[str, Any]:
    """Return the rule as PutBucketCors and the AWS command line take it."""
    lists = {s3_name: list(getattr(rule, name)) for name, s3_name in _LISTS.items() if getattr(rule, name)}
    identifier = {"ID": rule.id} if rule.id else {}
    return {**identifier, **lists, **({"MaxAgeSeconds": rule.max_age} if rule.max_age else {})}


_LISTS = {
    "origins": "AllowedOrigins",
    "methods": "AllowedMethods",
    "headers": "AllowedHeaders",
    "exposed": "ExposeHeaders",
}
