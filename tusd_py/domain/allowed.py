"""Whether the server takes an upload, by the type and the name that its client declares. Pure, like the rules.

Nobody looks into the bytes: a client can declare what it likes.
"""

from __future__ import annotations

from collections.abc import Sequence

from tusd_py.domain.limits import Limits
from tusd_py.domain.refusals import TypeNotAllowed
from tusd_py.domain.upload import NAME_KEYS, TYPE_KEYS, Metadata, declared


def check_allowed(metadata: Metadata, limits: Limits, *, later: bool = False) -> None:
    """Raises TypeNotAllowed, also where what a rule is about isn't declared.

    With `later` it may be missing: it is declared, and judged, before there is anything to be had.
    """
    kind, name = declared(metadata, TYPE_KEYS), declared(metadata, NAME_KEYS)
    if limits.allowed_types and (kind or not later) and not has_type(kind, limits.allowed_types):
        raise TypeNotAllowed(f"declare a type that is taken here: {', '.join(limits.allowed_types)}")
    if limits.allowed_extensions and (name or not later) and not has_extension(name, limits.allowed_extensions):
        raise TypeNotAllowed(f"give a file name that ends with: {', '.join(limits.allowed_extensions)}")


def has_type(kind: str, allowed: Sequence[str]) -> bool:
    """`kind` is a media type, perhaps with parameters; `allowed` are types, `image/*` or `*/*`, in lower case."""
    essence = kind.partition(";")[0].strip(" \t").lower()
    group, slash, name = essence.partition("/")
    return bool(group and slash and name) and not {essence, f"{group}/*", "*/*"}.isdisjoint(allowed)


def has_extension(name: str, allowed: Sequence[str]) -> bool:
    """Of the name itself, without folders. `allowed` are in lower case, and without a dot before them."""
    *_, last = name.lower().replace("\\", "/").split("/")
    return any(last.endswith(f".{extension}") and last != f".{extension}" for extension in allowed)
