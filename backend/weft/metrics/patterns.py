"""Regular expressions that somebody typed: Python's kind, run by a library that can be stopped."""

import re
from typing import Final

import regex

from weft.base.errors import BadRequest

_RECURSION: Final = re.compile(r"(?<!\\)\(\?(?:R|[0-9]|&|P>|[+-][0-9])")
"""A pattern within itself: Python's own library has none, and one that never ends takes all memory in seconds."""

_REPEATED_GROUP: Final = re.compile(r"\)[*+?{]|\(\?|\\[1-9]")
_REPETITION: Final = re.compile(r"[*+{]")


def compiled(pattern: str, of: str) -> regex.Pattern[str]:
    """A pattern ready to run, with a time-out; `of` is what it is part of.

    Raises:
        BadRequest: no regular expression; names it and what is wrong.
    """
    try:
        if _RECURSION.search(pattern):
            raise ValueError("a pattern cannot be part of itself")
        return regex.compile(pattern)
    except (ValueError, regex.error, RecursionError, OverflowError) as exc:
        raise BadRequest(
            f"{of}: '{pattern[:60]}' is not a regular expression: {str(exc)[:120]}.",
            fix="Mend the pattern; it is Python's kind.",
        ) from exc


def is_plain(pattern: str) -> bool:
    """True when a search takes no longer than about the cube of the text's length: at most three repetitions, none of a
    group. A time-out costs ten times what such a search does."""
    return not _REPEATED_GROUP.search(pattern) and len(_REPETITION.findall(pattern)) <= 3
