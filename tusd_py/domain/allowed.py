"""The check of the type and the name that a client declares for an upload. No function does I/O or reads a clock.

The bytes aren't inspected: a client can declare anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from tusd_py.domain.lengths import check_metadata_size
from tusd_py.domain.limits import Limits
from tusd_py.domain.metadata import NAME_KEYS, TYPE_KEYS, Metadata, declared
from tusd_py.domain.principal import Allowance
from tusd_py.domain.refusals import TypeNotAllowed


def apply(allowance: Allowance, metadata: Metadata, limits: Limits, *, later: bool = False) -> tuple[Metadata, Limits]:
    """Return the metadata and the limits of a new upload. Values in the metadata of the credential's `allowance`
    replace the client's under the same keys, and the greatest length in the allowance bounds the server's limits.

    Raises Malformed if the client's metadata is too long, TypeNotAllowed for a type or name that the limits or the
    credential don't allow. With `later` a type or name that the client hasn't declared is no error: the final upload
    made of a partial one, or the request that opens a direct upload for parts, must declare it.
    """
    check_metadata_size(metadata, limits)
    forced = {**metadata, **allowance.metadata} if allowance.metadata else metadata
    check_allowed(forced, limits, later=later)
    kind = declared(forced, TYPE_KEYS)
    if allowance.types and (kind or not later) and not has_type(kind, allowance.types):
        raise TypeNotAllowed(f"declare a type that your credential allows: {', '.join(allowance.types)}")
    return forced, limits.within(allowance.max_length)


def check_allowed(metadata: Metadata, limits: Limits, *, later: bool = False) -> None:
    """Raise TypeNotAllowed if the declared type or name isn't allowed, or isn't declared although the limits restrict
    it.

    With `later` the type or name may be missing: a later request must declare it (see `apply`).
    """
    kind, name = declared(metadata, TYPE_KEYS), declared(metadata, NAME_KEYS)
    if limits.allowed_types and (kind or not later) and not has_type(kind, limits.allowed_types):
        raise TypeNotAllowed(f"declare a type that is taken here: {', '.join(limits.allowed_types)}")
    if limits.allowed_extensions and (name or not later) and not has_extension(name, limits.allowed_extensions):
        raise TypeNotAllowed(f"give a file name that ends with: {', '.join(limits.allowed_extensions)}")


def has_type(kind: str, allowed: Sequence[str]) -> bool:
    """Return True if the media type `kind`, perhaps with parameters, matches one of `allowed`: media types, ranges such
    as `image/*`, or `*/*`, in lower case."""
    essence = kind.partition(";")[0].strip(" \t").lower()
    group, slash, name = essence.partition("/")
    return bool(group and slash and name) and not {essence, f"{group}/*", "*/*"}.isdisjoint(allowed)


def has_extension(name: str, allowed: Sequence[str]) -> bool:
    """Return True if the last component of the name has one of the extensions `allowed`: in lower case, without the
    leading dot."""
    *_, base = name.lower().replace("\\", "/").split("/")
    return any(base.endswith(f".{extension}") and base != f".{extension}" for extension in allowed)
