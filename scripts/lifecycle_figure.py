"""`make docs`: the diagram of the life cycle in docs/design.md, from the table in `tusd_py.domain.lifecycle`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tusd_py.domain.lifecycle import FOLLOWING
from tusd_py.domain.phase import UNFINISHED, Phase

DESIGN = Path(__file__).parents[1] / "docs" / "design.md"

_DIAGRAM = re.compile(r"(?<=<!-- life cycle -->\n).*?(?=<!-- end of life cycle -->)", re.DOTALL)
_LABELS = {
    (Phase.OPEN, Phase.FINISHING): "all bytes are recorded",
    (Phase.FINISHING, Phase.OPEN): "bytes are gone",
    (Phase.OPEN, Phase.DONE): "in one request",
    (Phase.FINISHING, Phase.DONE): "the object exists",
}


def diagram() -> str:
    """Return the phases of an upload, and the steps between them, as a state diagram: a Mermaid code block of
    Markdown."""
    return "\n".join(("```mermaid", "stateDiagram-v2", *_lines(), "```", ""))


def renewed(text: str) -> str:
    """Return `text` with the diagram in place of all that is between the comments `life cycle` and `end of life cycle`;
    unchanged without these comments."""
    return _DIAGRAM.sub(lambda _: diagram(), text)


def _lines() -> Iterator[str]:
    for phase in Phase:
        if phase in UNFINISHED:
            yield f"    [*] --> {phase}"
    for before in Phase:
        for after in Phase:
            if after in FOLLOWING[before] and after is not before:
                label = _LABELS.get((before, after))
                yield f"    {before} --> {after}" + (f": {label}" if label else "")
    for phase in Phase:
        if not any(after is not phase and after is not Phase.GONE for after in FOLLOWING[phase]):
            yield f"    {phase} --> [*]"


if __name__ == "__main__":
    DESIGN.write_text(renewed(DESIGN.read_text()))
