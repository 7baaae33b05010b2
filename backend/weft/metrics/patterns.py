"""Regular expressions that somebody typed: Python's kind, run by a library that can be stopped."""

import re
from functools import lru_cache
from typing import Final

import regex

from weft.base.errors import BadRequest, TooMuch

MOST_ITEMS: Final = 10_000
"""Letters, classes and the like of a pattern whose repetitions are written out, as the library does it: 10 MB."""
KEPT_LETTERS: Final = 200
"""Longer patterns, and those with more than so many items, are compiled anew each time."""

_RECURSION: Final = re.compile(r"(?<!\\)\(\?(?:R|[0-9]|&|P>|[+-][0-9])")
"""A pattern within itself: Python's own library has none, and one that never ends takes all memory in seconds."""

_REPEATED_GROUP: Final = re.compile(r"\)[*+?{]|\(\?|\\[1-9]")
_REPETITION: Final = re.compile(r"[*+{]")
_ITEM: Final = re.compile(
    r"(?P<times>\{(?P<least>[0-9]+)(?:,[0-9]*)?\})|(?P<open>\()|(?P<close>\))|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.",
    re.DOTALL,
)


def compiled(pattern: str, of: str, *, any_case: bool = False) -> regex.Pattern[str]:
    """A pattern ready to run, with a time-out; `of` is what it is part of.

    Raises:
        BadRequest: no regular expression; names it and what is wrong. TooMuch: repeated so often that it needs more
            memory than it is worth.
    """
    items = _items(pattern)
    if items > MOST_ITEMS:
        raise TooMuch(
            f"{of}: the pattern '{pattern[:60]}' repeats so much that it has over {MOST_ITEMS} items.",
            fix="Repeat less with {n}, or use * and +.",
        )
    try:
        if _RECURSION.search(pattern):
            raise ValueError("a pattern cannot be part of itself")
        compile_it = _kept if max(items, len(pattern)) <= KEPT_LETTERS else _compile
        return compile_it(pattern, regex.IGNORECASE if any_case else 0)
    except (ValueError, regex.error, RecursionError, OverflowError) as exc:
        raise BadRequest(
            f"{of}: '{pattern[:60]}' is not a regular expression: {str(exc)[:120]}.",
            fix="Mend the pattern; it is Python's kind.",
        ) from exc


def _compile(pattern: str, flags: int) -> regex.Pattern[str]:
    # The library would keep 500 of them, however large they are.
    return regex.compile(pattern, flags, cache_pattern=False)


_kept = lru_cache(maxsize=256)(_compile)


def _items(pattern: str) -> int:
    """How many items a pattern has when what is repeated at least n times stands there n times."""
    above: list[tuple[int, int]] = []
    total = last = 0
    for found in _ITEM.finditer(pattern):
        if found["open"]:
            above.append((total, last))
            total = last = 0
        elif found["close"] and above:
            last = total + 1
            total = above.pop()[0] + last
        elif found["least"]:
            more = last * (max(1, int(found["least"][:6])) - 1)
            total, last = total + more, last + more
        else:
            last = 1
            total += 1
    return total + sum(before for before, _ in above)


def is_plain(pattern: str) -> bool:
    """True when a search takes no longer than about the cube of the text's length: at most three repetitions, none of a
    group. A time-out costs ten times what such a search does."""
    return not _REPEATED_GROUP.search(pattern) and len(_REPETITION.findall(pattern)) <= 3
