"""What a client sends costs no more than it weighs: each parser and each expression on a request's way is linear.

CPU time of this thread alone is measured, where twice the input may take three times as long, and only if it takes any
time worth speaking of: a busy machine changes neither.
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from importlib import import_module
from itertools import islice, product
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from multidict import CIMultiDict

import tusd_py
from tusd_py.http import endpoint, forwarded, translation
from tusd_py.protocol import allowed, companion, headers, s3parts, structured
from tusd_py.protocol.limits import Limits
from tusd_py.protocol.refusals import Refusal
from tusd_py.protocol.rufh import representation
from tusd_py.serving import conditions, dates, disposition, media_types, ranges
from tusd_py.storage import naming
from tusd_py.storage.s3 import errors, keys
from tusd_py.telemetry import redaction

ROOT = Path(tusd_py.__file__).parent
SIZE = 2 * 1024
"""Characters, and twice as many."""
MOST = 3.0
NOTHING = 0.004
"""Seconds that aren't worth speaking of: what is quadratic takes ten times as long for so many characters."""
TRIES = 5
_ENOUGH = 3

SPECIAL = (" ", ",", ";", '"', "\\", "=", "a", "/")
PIECES = (" ", "\t", ",", ";", '"', "\\", "a", "0", "=", "/", ".", "-", "?", "@", ":", "%", "[", "(", "<", "\x1b", "é")
WRAPPED = (
    ("", ""),
    ("", "!"),
    ('"', ""),
    ("a=", "\x00"),
    ("a/b", "!"),
    ('W/"a"', "x"),
    ("bytes=", "-"),
    (";a=", '"'),
    ("://", " "),
)

EXEMPT = {
    "read once, when the server starts: what an operator wrote": ("config/", "options.py", "storage/s3/cors.py"),
    "of an operator's own host names": ("http/door.py Door._is_ours",),
    "made of a setting": ("storage/s3/keys.py key_pattern",),
}
IN_PARSERS = {
    "protocol/rufh/representation.py _file_name": "Content-Disposition",
    "serving/dates.py _FORMS": "Date",
    "serving/disposition.py _clean": "name",
    "serving/disposition.py _parameters": "name",
    "serving/media_types.py _PARAMETER": "type",
    "storage/naming.py tame": "name of a file",
    "storage/s3/keys.py tame": "key",
    "storage/s3/keys.py internal_owner": "internal key",
}
"""Expressions that have no name, or that see only what another has let through, and the parser below that uses each."""

LIMITS = Limits()
REQUEST = cast(web.Request, SimpleNamespace(scheme="http", host="x"))
PARSERS: Mapping[str, Callable[[str], object]] = {
    "Upload-Metadata": lambda text: headers.parse_metadata(text, LIMITS),
    "Upload-Checksum": headers.parse_checksum,
    "Upload-Concat": lambda text: headers.parse_concat(text, LIMITS),
    "Upload-Length": lambda text: headers.parse_integer("Upload-Length", text),
    "structured dictionary": structured.parse_dictionary,
    "structured integer": structured.parse_integer,
    "structured boolean": structured.parse_boolean,
    "Content-Disposition": lambda text: representation.metadata_of({"Content-Disposition": text}, LIMITS),
    "Content-Digest": lambda text: representation.content_digest({"Content-Digest": text}),
    "Want-Repr-Digest": lambda text: representation.wanted({"Want-Repr-Digest": text}),
    "JSON": lambda text: companion.read_json(text.encode()),
    "query": lambda text: companion.read_query({f"metadata[{text}]": text}),
    "length in JSON": companion.read_length,
    "XML": lambda text: s3parts.read_named(b"<a>" + text.encode() + b"</a>"),
    "If-None-Match": lambda text: conditions.failed_precondition({"If-None-Match": text}, '"a"', 0),
    "If-Range": lambda text: conditions.range_applies({"If-Range": text}, '"a"', 0),
    "Date": dates.parse_http_date,
    "name": lambda text: disposition.present({"filename": text.encode(), "filetype": b"text/plain"}),
    "type": lambda text: media_types.media_type({"filetype": text.encode()}),
    "coding": lambda text: media_types.content_coding({"contentencoding": text.encode()}),
    "declared type and name": lambda text: allowed.check_allowed(
        {"filetype": text.encode(), "filename": text.encode()},
        Limits(allowed_types=("a/*",), allowed_extensions=("a", "a.a")),
    ),
    "Range": lambda text: ranges.select_span(text, 100),
    "log line": redaction.without_secrets,
    "Forwarded": lambda text: list(forwarded._split(text, ",")),
    "Host": lambda text: endpoint._authority(REQUEST, {"host": text}),
    "key": keys.tame,
    "name of a file": naming.tame,
    "internal key": lambda text: keys.internal_owner(text, "a/"),
    "S3's error": lambda text: errors.failure_from_body("GetObject", 404, text.encode()),
}


def attacks(size: int, pairs: Sequence[str]) -> Iterator[str]:
    """One or two characters over and over, in what makes an expression begin and then fail."""
    for piece in (*PIECES, *("".join(pair) for pair in product(pairs, repeat=2))):
        pumped = piece * (size // len(piece))
        for before, after in WRAPPED:
            yield before + pumped + after


def seconds(use: Callable[[str], object], text: str) -> float:
    began = time.thread_time()
    with suppress(Refusal, ValueError, RecursionError):
        use(text)
    return time.thread_time() - began


def is_linear(use: Callable[[str], object], once: str, twice: str) -> bool:
    if seconds(use, twice) < NOTHING:
        return True
    short, long = (min(seconds(use, text) for _ in range(TRIES)) for text in (once, twice))
    return long < max(NOTHING, MOST * short)


def slow(use: Callable[[str], object], size: int = SIZE, pairs: Sequence[str] = PIECES) -> list[str]:
    """The beginnings of what it isn't linear for: some are enough."""
    tries = zip(attacks(size, pairs), attacks(2 * size, pairs), strict=True)
    return list(islice((once[:20] for once, twice in tries if not is_linear(use, once, twice)), _ENOUGH))


@cache
def expressions() -> Mapping[str, Sequence[str]]:
    """Each expression in the source with the ways it is used; those without a name by the function they stand in."""
    return {f"{place} {name}": ways for place, source in _sources() for name, ways in _expressions(source)}


def _sources() -> Iterator[tuple[str, str]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), path.read_text()


def _expressions(source: str) -> Iterator[tuple[str, Sequence[str]]]:
    for name, node in _named(ast.parse(source), ""):
        if any(_is_expression(each) for each in ast.walk(node)):
            yield name, sorted(set(re.findall(rf"\b{re.escape(name)}\.(\w+)\(", source)) - {"pattern"})


def _named(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.ClassDef():
                yield from _named(child, f"{prefix}{child.name}.")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield prefix + child.name, child
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name, child


def _is_expression(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=attr)):
            return attr != "escape"
    return False


def on_the_way() -> list[str]:
    exempt = tuple(start for starts in EXEMPT.values() for start in starts)
    return [name for name in expressions() if not name.startswith(exempt)]


def compiled(name: str) -> re.Pattern[str] | re.Pattern[bytes] | None:
    place, _, attribute = name.partition(" ")
    module: ModuleType = import_module("tusd_py." + place.removesuffix(".py").replace("/", "."))
    found = getattr(module, attribute, None)
    return found if isinstance(found, re.Pattern) else None


def uses(name: str) -> Sequence[Callable[[str], object]]:
    """As the source uses it, to the end of what it finds."""
    pattern = compiled(name)
    assert pattern is not None
    return [partial(_use, pattern, way) for way in expressions()[name]]


def _use(pattern: re.Pattern[Any], way: str, text: str) -> object:
    given = text.encode() if isinstance(pattern.pattern, bytes) else text
    return pattern.sub(given[:0], given) if way == "sub" else _all(getattr(pattern, way)(given))


def _all(found: object) -> Sequence[object]:
    return list(found) if isinstance(found, Iterator) else [found]


@pytest.mark.parametrize("name", [name for name in on_the_way() if name not in IN_PARSERS])
def test_an_expression_is_linear(name: str) -> None:
    assert uses(name), "it is used in no way that is known: test it in its parser"
    assert [slow(use) for use in uses(name)] == [[] for _ in uses(name)]


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_is_linear(name: str) -> None:
    assert slow(PARSERS[name], pairs=SPECIAL) == []


def test_a_field_in_many_lines_is_joined_in_linear_time() -> None:
    def join(text: str) -> Mapping[str, str]:
        return translation.joined(CIMultiDict(("A", line) for line in text.split("\n")))

    once, twice = ("\n".join(["x" * 500] * count) for count in (2_000, 4_000))
    assert join("a\nb\nc") == {"A": "a, b, c"}
    assert is_linear(join, once, twice)


def test_what_is_tested_in_a_parser_is_there() -> None:
    assert set(IN_PARSERS) <= set(on_the_way())
    assert set(IN_PARSERS.values()) <= set(PARSERS)


@pytest.mark.parametrize("bad", [r"[ \t]*,[ \t,]*x", r"\?[^ ]*X-", r"(?:\s|a)*="])
def test_the_oracle_finds_what_is_not_linear(bad: str) -> None:
    pattern = re.compile(bad)
    assert slow(pattern.search, pairs=SPECIAL)
