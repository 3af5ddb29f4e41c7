"""The check of an upload's declared type and name. Pure, like the rules.

The bytes aren't inspected: a client can declare anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from tusd_py.domain.limits import Limits
from tusd_py.domain.metadata import NAME_KEYS, TYPE_KEYS, Metadata, declared
from tusd_py.domain.principal import Allowance
from tusd_py.domain.refusals import TypeNotAllowed


def apply(allowance: Allowance, metadata: Metadata, limits: Limits, *, later: bool = False) -> tuple[Metadata, Limits]:
    """Return the metadata and the limits of a new upload: those of its credential come on top of the server's.

    Raises TypeNotAllowed, like `check_allowed`.
    """
    forced = {**metadata, **allowance.metadata} if allowance.metadata else metadata
    check_allowed(forced, limits, later=later)
    kind = declared(forced, TYPE_KEYS)
    if allowance.types and (kind or not later) and not has_type(kind, allowance.types):
        raise TypeNotAllowed(f"declare a type that your credential allows: {', '.join(allowance.types)}")
    return forced, limits.within(allowance.max_length)


def check_allowed(metadata: Metadata, limits: Limits, *, later: bool = False) -> None:
    """Check the declared type and name. Raises TypeNotAllowed, also if one that is limited isn't declared.

    With `later` it may be missing: it is declared, and checked, before the upload can be downloaded.
    """
    kind, name = declared(metadata, TYPE_KEYS), declared(metadata, NAME_KEYS)
    if limits.allowed_types and (kind or not later) and not has_type(kind, limits.allowed_types):
        raise TypeNotAllowed(f"declare a type that is taken here: {', '.join(limits.allowed_types)}")
    if limits.allowed_extensions and (name or not later) and not has_extension(name, limits.allowed_extensions):
        raise TypeNotAllowed(f"give a file name that ends with: {', '.join(limits.allowed_extensions)}")


def has_type(kind: str, allowed: Sequence[str]) -> bool:
    """Return True if the media type `kind`, perhaps with parameters, is allowed: by types, `image/*` or `*/*`, in lower
    case."""
    essence = kind.partition(";")[0].strip(" \t").lower()
    group, slash, name = essence.partition("/")
    return bool(group and slash and name) and not {essence, f"{group}/*", "*/*"}.isdisjoint(allowed)


def has_extension(name: str, allowed: Sequence[str]) -> bool:
    """Return True if the name, without folders, has an allowed extension: in lower case, without the leading dot."""
    *_, base = name.lower().replace("\\", "/").split("/")
    return any(base.endswith(f".{extension}") and base != f".{extension}" for extension in allowed)
