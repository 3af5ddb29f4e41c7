"""The HTTP methods that an upload's URL takes, in the order in which Allow lists them."""

from __future__ import annotations

from tusd_py.domain.limits import Limits


def upload_methods(limits: Limits) -> tuple[str, ...]:
    methods = {"HEAD": True, "PATCH": True, "DELETE": limits.termination, "GET": limits.downloads, "OPTIONS": True}
    return tuple(method for method, allowed in methods.items() if allowed)
