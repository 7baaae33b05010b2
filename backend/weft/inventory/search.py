"""What a search by a part of a name shows, whichever engine found it."""

from collections.abc import Sequence

OF_ONE_ID = 1_000
"""Most runs of one job id (the tasks of an array) that a search looks at."""


def shared_out(found: Sequence[tuple[str, list[str]]], places: int) -> tuple[tuple[str, str], ...]:
    """(kind, name) of what was found by kind, at most `places`: who has most gives way, the first of equals first."""
    shown = [(kind, list(names)) for kind, names in found]
    while sum(len(names) for _, names in shown) > places:
        max(shown, key=lambda kind: len(kind[1]))[1].pop()
    return tuple((kind, name) for kind, names in shown for name in names)
