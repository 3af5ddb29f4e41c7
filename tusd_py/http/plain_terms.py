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
    """The maker of form parsers, and the settings that say which pages may send plain uploads with the credentials of
    their visitors, and to which origins a plain upload may redirect."""

    parser: Callable[[str], Parser]
    """Returns a new parser of a form, for the value of its Content-Type. Raises BadForm."""
    origins: re.Pattern[str] | None
    """The pattern of origins that the operator has named (`cors-allow-origin`), matched as a whole; None if there are
    none."""
    ambient: bool
    """True if browsers add credentials to the requests of any page (cookies, or the login at a proxy), so that a page
    of any site could use them."""

    def check_page(self, request: web.Request, own: str) -> None:
        """Raise Forbidden if browsers add credentials to the requests of any page (`ambient`), and the page that sent
        this request has neither the origin `own`, this server's, nor one that `origins` matches: browsers send no
        preflight for a form. A request that no page sent is allowed: it has neither Origin nor Sec-Fetch-Site, or
        `Sec-Fetch-Site: none`."""
        page_origin = request.headers.get(hdrs.ORIGIN)
        site = request.headers.get("Sec-Fetch-Site", "none" if page_origin is None else "cross-site")
        if not self.ambient or site in {"same-origin", "none"} or page_origin == own:
            return
        if self.origins is None or self.origins.fullmatch(page_origin or "") is None:
            raise Forbidden("pages of this origin can't upload with the credentials of their visitors")
