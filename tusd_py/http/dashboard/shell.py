"""The HTML of the dashboard before and after its items.

The items are children of an element with a declarative shadow root, whose slots show each item in its section as it
arrives (HTML standard, "template"). WebKit paints nothing before some 200 characters of text: the introduction has
more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import htpy as h
from markupsafe import Markup

_TITLE = "tusd-py: uploads"
_INTRODUCTION = (
    "This page shows the newest uploads that you may see, the events that wait to be delivered, jobs, and this "
    "server. It changes while it is open, without a script: new uploads appear on top, and bars move with the bytes "
    "that are stored for good. Every five minutes it is loaded again. What you ask for with a button happens at once; "
    "terminated uploads can't be brought back. The same rows for programs: GET /uploads."
)
_SECTIONS = {
    "uploads": ("Uploads", "No uploads."),
    "deliveries": ("Deliveries", "No event waits for a receiver."),
    "jobs": ("Jobs", "No job waits or runs."),
    "nodes": ("Server", "Only operators see more."),
}
"""The heading of each slot, and the text that it shows while it is empty, by the name of the slot."""
_PAGE_STYLE = """
body{font:16px/1.4 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;color:#1c2733;background:#f5f7f9}
article{background:#fff;border:1px solid #d5dde5;border-radius:.5rem;padding:.7rem 1rem;margin:0 0 .6rem}
article h3{font-size:1rem;margin:0}
article p{margin:.2rem 0;font-size:.85rem;overflow-wrap:anywhere}
.bar{height:.6rem;border-radius:.3rem;background:#dfe6ed;overflow:hidden}
.bar i{display:block;height:100%;width:calc(var(--p)*1%);background:#17745b}
.percent::after{counter-reset:n var(--p);content:counter(n) "%"}
.phase::after{content:var(--phase)}
.pending::after{counter-reset:n var(--pending);content:counter(n)}
.dead::after{counter-reset:n var(--dead);content:counter(n)}
.count::after{counter-reset:n var(--count);content:counter(n)}
.claimed::after{counter-reset:n var(--claimed);content:counter(n)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0;font-size:.85rem}
dd{margin:0}
button{font:inherit;font-size:.85rem;padding:.15rem .7rem}
"""
_ROOT_STYLE = """
slot{display:flex;flex-direction:column-reverse;justify-content:flex-end}
h2{font-size:1.1rem;margin:1.4rem 0 .5rem}.introduction{max-width:44rem}
"""


def head(nonce: str) -> str:
    """Return the HTML before the items. `nonce` is that of the Content-Security-Policy, which admits its styles."""
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"{h.title[_TITLE]}{h.meta(name='viewport', content='width=device-width, initial-scale=1')}"
        f"{style(_PAGE_STYLE, nonce)}</head><body><main>"
        f"{h.template(shadowrootmode='open')[_root(nonce)]}"
    )


def tail(*, again_after: int | None) -> str:
    """Return the HTML after the items. The browser loads the page again after `again_after` seconds; never if None."""
    refresh = "" if again_after is None else str(h.meta(http_equiv="refresh", content=str(again_after)))
    return f"{refresh}</main></body></html>\n"


def style(rules: str, nonce: str) -> h.Element:
    """Return a style element with CSS rules. These aren't escaped, so they must contain nothing that came from a
    client."""
    return h.style(nonce=nonce)[Markup(rules)]  # noqa: S704 (see above)


def _root(nonce: str) -> Sequence[h.Element]:
    return [style(_ROOT_STYLE, nonce), h.h1[_TITLE], h.p(".introduction")[_INTRODUCTION], *_sections()]


def _sections() -> Iterator[h.Element]:
    for name, (heading, empty) in _SECTIONS.items():
        yield h.section[h.h2[heading], h.slot(name=name)[h.p[empty]]]
