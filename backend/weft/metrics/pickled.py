"""What a carbon-cache answers, read without unpickling it: a pickle is a program, and what a socket sends is anybody's.

The answer is `{"datapointsByMetric": {name: [(time, value), ...]}}`, `{"datapoints": [...]}` or `{"error": text}`. Read
are the opcodes by which CPython 2 and 3 and go-carbon write these; any other makes it a garbled answer. Points, nearly
all of it, are taken as they lie there. Sources: CPython's `pickletools`; carbon 1.1.7, `protocols.py`; go-carbon,
`cache/carbonlink.go`.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.metrics.series import Values

MAX_OBJECTS: Final = 20_000
"""Names, lists, marks and runs of points in one answer: more than true ones have, too few to fill the memory."""

_NUMBERS: Final = {
    b"G": (rb"G.{8}", 1, ">f8", 9),
    b"J": (rb"J.{4}", 1, "<i4", 5),
    b"M": (rb"M.{2}", 1, "<u2", 3),
    b"K": (rb"K.", 1, "u1", 2),
    # Whole numbers of so many bytes: times from 2038 on, times in milliseconds, gigabytes.
    **{b"\x8a%c" % n: (rb"\x8a\x%02x.{%d}" % (n, n), 2, f"({n},)u1", 2 + n) for n in range(5, 9)},
}
"""Numbers by their opcode: the pattern, where the number lies in it, how, and how long all of it is."""
_MEMOS: Final = {b"": (b"", 0), b"q": (b"q.", 2), b"r": (b"r.{4}", 5)}
_NUMBER: Final = b"|".join(pattern for pattern, *_ in _NUMBERS.values())
_POINT: Final = re.compile(rb"(\(?)(%b)(%b)(\x86|t)(q.|r.{4})?" % (_NUMBER, _NUMBER), re.DOTALL)
"""A pair of numbers: after a mark, with opcode t, or without one."""

_TEXTS: Final = {ord("U"): 1, ord("\x8c"): 1, ord("T"): 4, ord("X"): 4}
"""Opcodes of texts, and the bytes of their length."""
_SKIPPED: Final = {0x80: 2, 0x95: 9, 0x94: 1, ord("q"): 2, ord("r"): 5}
"""Opcodes that say nothing here, with their arguments: the protocol, frames, and what is remembered to be named again
(points never are)."""


class Garbled(Exception):
    """An answer that is cut, or none of a carbon-cache."""


class Points(NamedTuple):
    """Points of one series, by time; of several in one second the one that carbon will keep comes last."""

    times_s: NDArray[np.int64]
    values: Values


def read_answer(data: bytes, asked: Sequence[str]) -> dict[str, Points]:
    """What a cache holds of the series it was asked for; those it holds nothing of are left out. Raises Garbled."""
    try:
        answer = _read(data)
        if "error" in answer:
            raise Garbled(f"it says {answer['error'][:100]!r}")
        lists = answer["datapointsByMetric"] if "datapointsByMetric" in answer else {asked[0]: answer["datapoints"]}
        return _points({name: runs for name in asked if (runs := lists.get(name))})
    except (IndexError, KeyError, TypeError, ValueError, AttributeError) as exc:
        raise Garbled("its answer cannot be read") from exc


def _read(data: bytes) -> Any:
    """Do what the opcodes say, with a stack of texts, dicts, and lists of runs of points. Raises what Python raises."""
    stack: list[Any] = []
    marks: list[int] = []
    at = 0
    for _ in range(MAX_OBJECTS):
        while (skipped := _SKIPPED.get(data[at])) is not None:
            at += skipped
        code = data[at]
        at += 1
        found = _POINT.match(data, at - 1)
        if found and (found[1] == b"(") == (found[4] == b"t"):
            run, at = _run_at(data, found)
            stack.append(run)
        elif code == ord("("):
            marks.append(len(stack))
        elif code == ord("}"):
            stack.append({})
        elif code == ord("]"):
            stack.append([])
        elif code in _TEXTS:
            begin = at + _TEXTS[code]
            at = begin + int.from_bytes(data[at:begin], "little")
            if at > len(data):
                raise IndexError("a text is cut")
            stack.append(data[begin:at].decode(errors="replace"))
        elif code in b"as":
            _put(stack, len(stack) - (1 if code == ord("a") else 2))
        elif code in b"eu":
            _put(stack, marks.pop())
        elif code == ord("."):
            [answer] = stack
            return answer
        else:
            raise ValueError(f"opcode {code}")
    raise ValueError("too many objects")


def _put(stack: list[Any], first: int) -> None:
    """Take what stands from `first` on off the stack, and put it into the list or dict below."""
    taken = stack[first:]
    del stack[first:]
    if isinstance(stack[-1], list):
        stack[-1].extend(taken)
    else:
        stack[-1].update(zip(taken[::2], taken[1::2], strict=True))


def _run_at(data: bytes, first: "re.Match[bytes]") -> tuple[NDArray[np.void], int]:
    """Points that are written alike and follow one another, and where they end."""
    opened, time, value, close, memo = (
        (found or b"")[: 2 if found and found[:1] == b"\x8a" else 1] for found in first.groups()
    )
    pattern, layout = _run_of(opened, time, value, close, memo)
    at = first.start()
    found = pattern.match(data, at)
    if found is None:
        raise ValueError("no point")
    return np.frombuffer(data, layout, (found.end() - at) // layout.itemsize, at), found.end()


@lru_cache
def _run_of(opened: bytes, time: bytes, value: bytes, close: bytes, memo: bytes) -> tuple["re.Pattern[bytes]", Any]:
    """The pattern of points that are written in one way, and where their numbers lie."""
    time_pattern, time_at, time_type, time_size = _NUMBERS[time]
    value_pattern, value_at, value_type, value_size = _NUMBERS[value]
    memo_pattern, memo_size = _MEMOS[memo]
    one = re.escape(opened) + time_pattern + value_pattern + re.escape(close) + memo_pattern
    begin = len(opened)
    layout = np.dtype(
        {
            "names": ["time", "value"],
            "formats": [time_type, value_type],
            "offsets": [begin + time_at, begin + time_size + value_at],
            "itemsize": begin + time_size + value_size + len(close) + memo_size,
        }
    )
    return re.compile(b"(?:%b)++" % one, re.DOTALL), layout


def _points(held: Mapping[str, Sequence[NDArray[np.void]]]) -> dict[str, Points]:
    """Points of each series that have a value, and a time that whisper has room for, by time."""
    counts = [sum(map(len, runs)) for runs in held.values()]
    runs = list(chain.from_iterable(held.values()))
    times = np.concatenate([np.zeros(0), *(_numbers(run["time"]) for run in runs)])
    values = np.concatenate([np.zeros(0), *(_numbers(run["value"]) for run in runs)])
    series = np.repeat(np.arange(len(counts)), counts)
    known = np.flatnonzero((times >= 1) & (times < 2**32) & ~np.isnan(values))
    # Of several points within one second, carbon keeps the earliest: whisper sorts whole seconds, newest first.
    order = known[np.lexsort((-times[known], np.floor(times[known]), series[known]))]
    times_s, values = times[order].astype(np.int64), values[order]
    ends = np.searchsorted(series[order], np.arange(len(counts)), "right").tolist()
    return {
        name: Points(times_s[first:end], values[first:end])
        for name, (first, end) in zip(held, pairwise([0, *ends]), strict=True)
        if end > first
    }


def _numbers(column: NDArray[Any]) -> Values:
    """The numbers of a column; whole ones of many bytes, of which the last has the sign, are put together."""
    if column.ndim == 1:
        return column.astype(np.float64)
    size = column.shape[1]
    numbers: Values = column @ 256.0 ** np.arange(size) - (column[:, -1] >= 128) * 256.0**size
    return numbers
