"""The memory that reading JSON takes, as CPython counts it: at most what is reserved for its bytes, or 64 KiB."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusd_py.domain.refusals import Malformed
from tusd_py.protocol.companion import MEMORY_FACTOR, read_json

LIGHT = 64 * 1024
EMOJI, PAIR = "\U0001f600", r"\ud83d\ude00"
ITEMS = ["0", "999", "1.5", '"ab"', '"éé"', '"łł"', f'"{EMOJI}"', r'"\u0142"', r'"\n"', '"' + "a" * 40 + EMOJI + '"']
HOLDERS = ["{}", "[]", "[0]", '{"":0}', '{"PartNumber":1,"ETag":"' + "a" * 32 + '"}']
MEMBERS = ['"%d":0', '"%d":"%d"', '"%dé":0', f'"%d{EMOJI}":0', '"%d' + "x" * 20 + f'{EMOJI}":"y"', '"%dx":{"%dy":0}']
PIECES = ["a", "aaaaaaa" + r"\n", r"\n", "é", "ł", EMOJI, PAIR, r"\u0142"]
counts = st.integers(1, 4000)
lists = st.builds(lambda item, count: f"[{','.join([item] * count)}]", st.sampled_from(ITEMS + HOLDERS), counts)
texts = st.builds(
    lambda first, piece, count, last: f'"{first}{piece * count}{last}"',
    st.sampled_from(["", *PIECES]),
    st.sampled_from(PIECES),
    counts,
    st.sampled_from(["", *PIECES]),
)
objects = st.builds(
    lambda member, count: "{" + ",".join(member.replace("%d", str(n)) for n in range(count)) + "}",
    st.sampled_from(MEMBERS),
    counts,
)
bodies = st.lists(lists | texts | objects, min_size=1, max_size=3).map(
    lambda values: "{" + ",".join(f'"{place}":{value}' for place, value in enumerate(values)) + "}"
)


def peak(body: bytes) -> int:
    """Return the most bytes of memory that the body and its reading took at a time; 0 if the body is refused
    (Malformed)."""
    tracemalloc.start()
    try:
        read_json(body)
        return len(body) + tracemalloc.get_traced_memory()[1]
    except Malformed:
        return 0
    finally:
        tracemalloc.stop()


@given(bodies)
def test_no_json_takes_more_than_is_reserved_for_it(text: str) -> None:
    body = text.encode()
    assert peak(body) <= max(MEMORY_FACTOR * len(body), LIGHT)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":"' + "a" * 16_000 + EMOJI + '"}',
        '{"a":"' + "a" * 16_000 + r"\"" + EMOJI + '"}',
        '{"a":"' + "a" * 16_000 + PAIR + '"}',
        f'{{"filename":"{EMOJI}","ids":["' + '","'.join(["a" * 32] * 10_000) + '"]}',
        f'{{"filename":"{PAIR}","ids":["' + '","'.join(["a" * 32] * 10_000) + '"]}',
        rf'{{"filename":"\"{EMOJI}","ids":["' + '","'.join(["a" * 32] * 10_000) + '"]}',
        '{"parts":[' + ",".join([r'{"PartNumber":1,"ETag":"\"' + "a" * 32 + r'\""}'] * 10_000) + "]}",
        '{"parts": [' + ", ".join(['{"PartNumber": 1, "ETag": "' + "a" * 32 + '"}'] * 10_000) + "]}",
    ],
    ids=[
        "name",
        "name with quotes",
        "name in escapes",
        "ids",
        "ids, name in escapes",
        "ids, quotes",
        "parts",
        "spaces",
    ],
)
def test_what_clients_send_is_read_within_it(text: str) -> None:
    body = text.encode()
    assert 0 < peak(body) <= MEMORY_FACTOR * len(body)
