"""The settings of plain uploads (forms, PUT, POST of bytes), as far as HTTP needs them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import hdrs, web

from tusd_py.domain.refusals import Forbidden
from tusd_py.protocol.plain.form import Parser


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTerms:
    """The maker of form parsers, and the settings that say which pages may upload."""

    parser: Callable[[str], Parser]
    """Returns a new parser of a form, for the value of its Content-Type. Raises BadForm."""
    origins: re.Pattern[str] | None
    """The pattern of origins that the operator has named (`cors-allow-origin`), matched as a whole; None if there are
    none."""
    ambient: bool
    """True if browsers add credentials to the requests of any page (cookies, or the login at a proxy), so that a page
    of any site could use them."""

    def check_page(self, request: web.Request, own: str) -> None:
        """Raise Forbidden if the page that sent a request may not use its visitors' credentials: browsers send no
        preflight for a form. `own` is this server's origin."""
        page_origin = request.headers.get(hdrs.ORIGIN)
        site = request.headers.get("Sec-Fetch-Site", "none" if page_origin is None else "cross-site")
        if not self.ambient or site in {"same-origin", "none"} or page_origin == own:
            return
        if self.origins is None or self.origins.fullmatch(page_origin or "") is None:
            raise Forbidden("pages of this origin can't upload with the credentials of their visitors")
