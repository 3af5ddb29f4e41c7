"""The settings of plain uploads, as far as HTTP needs them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import hdrs, web

from tusd_py.domain.refusals import Forbidden
from tusd_py.protocol.plain.form import Parser


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTerms:
    """The parser of forms, and the origins that plain uploads have to do with."""

    parser: Callable[[str], Parser]
    """Returns the parser of a form with the Content-Type. Raises BadForm."""
    origins: re.Pattern[str] | None
    """The origins that the operator has named (`cors-allow-origin`); None if none."""
    ambient: bool
    """True if browsers add credentials that no page gave them, so that a page of any site could use them."""

    def check_page(self, request: web.Request, own: str) -> None:
        """Check the page that sent a form, for which browsers ask no leave; `own` is this server's origin.

        Raises Forbidden.
        """
        page_origin = request.headers.get(hdrs.ORIGIN)
        site = request.headers.get("Sec-Fetch-Site", "none" if page_origin is None else "cross-site")
        if not self.ambient or site in {"same-origin", "none"} or page_origin == own:
            return
        if self.origins is None or self.origins.fullmatch(page_origin or "") is None:
            raise Forbidden("pages of this origin can't upload with the credentials of their visitors")
