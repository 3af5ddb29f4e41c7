"""The types of the settings of jobs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from tusd_py.config.addresses import Address, TcpAddress, UnixAddress, parse_address
from tusd_py.config.kinds import expects, one_of, or_none, split_words
from tusd_py.config.places import StoragePlace, parse_storage

COMMAND = "command:"
NO_ARGUMENTS = ("scan", "checksum", "unzip")
"""The kinds of jobs that need no arguments, so that their name is enough in a setting."""
_TCP = "tcp:"
_NAME = re.compile(r"[\w-][\w.-]{0,127}", re.ASCII)


def read_clamd(value: object) -> Address:
    """Return the address of clamd that the text `tcp:HOST:PORT` or `unix:PATH` names; an address is returned as it is.
    Raises ValueError."""
    if isinstance(value, TcpAddress | UnixAddress):
        return value
    text = str(value)
    address = parse_address(text.removeprefix(_TCP))
    if isinstance(address, TcpAddress) != text.startswith(_TCP):
        raise ValueError(text)
    return address


def read_kinds(value: str | Iterable[str]) -> tuple[str, ...]:
    """Return the kinds of jobs in a list, or in a text with commas between them, each once. Raises ValueError unless
    each is `scan`, `checksum`, `unzip` or `command:NAME`."""
    words = tuple(dict.fromkeys(split_words(value)))
    if not all(word in NO_ARGUMENTS or is_command(word.removeprefix(COMMAND), word) for word in words):
        raise ValueError(value)
    return words


def is_command(name: str, word: str) -> bool:
    """Return True if `word`, a kind of job in a setting, begins with `command:`, and `name`, the rest of it, may be the
    name of a command's file.
    """
    return word.startswith(COMMAND) and _NAME.fullmatch(name) is not None


def read_places(value: str | Iterable[Any]) -> tuple[StoragePlace, ...]:
    """Return the places (`s3://bucket/prefix`, `file:PATH`) in a list, or in a text with commas between them, each
    once. Raises ValueError for other text."""
    words = split_words(value) if isinstance(value, str) else tuple(value)
    return tuple(dict.fromkeys(map(parse_storage, words)))


Clamd = Annotated[Address | None, expects("tcp:HOST:PORT or unix:PATH, or none", or_none(read_clamd))]
JobKinds = Annotated[tuple[str, ...], expects(f"some of {', '.join(NO_ARGUMENTS)} and {COMMAND}NAME", read_kinds)]
CopyPlaces = Annotated[
    tuple[StoragePlace, ...], expects("places with commas between them: s3://bucket/prefix, file:PATH", read_places)
]
Unscanned = Annotated[Literal["reject", "accept"], one_of("reject", "accept")]
