"""The assembly of plain uploads (without tus) from settings. The library that parses forms is imported only if it is
needed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from tusd_py.config import Settings
from tusd_py.http.plain_terms import PlainTerms
from tusd_py.protocol.plain.form import FormLimits, Parser
from tusd_py.server.extras import importing
from tusd_py.server.trust_wiring import named_origins

_AMBIENT = frozenset({"forward", "proxy"})
"""The ways to authenticate (`auth`) by credentials that browsers add to each request: cookies, and the login at a
proxy."""


def plain_terms(settings: Settings) -> PlainTerms | None:
    """Return the maker of form parsers and the settings that say which pages may send plain uploads; None without the
    setting `plain_uploads`. Raises ConfigurationError if the library for forms is missing."""
    if not settings.plain_uploads:
        return None
    ambient = not _AMBIENT.isdisjoint(settings.auth)
    return PlainTerms(parser=_parser(settings), origins=named_origins(settings), ambient=ambient)


def _parser(settings: Settings) -> Callable[[str], Parser]:
    with importing("forms", "python-multipart", "plain-uploads"):
        from tusd_py.protocol.plain.form_parser import FormParser  # noqa: PLC0415  an extra
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # a line for each malformed form, else
    limits = FormLimits(
        max_files=settings.plain_max_files,
        max_fields=settings.plain_max_fields,
        max_field_bytes=settings.plain_max_field_bytes,
    )
    return partial(FormParser, limits=limits)
