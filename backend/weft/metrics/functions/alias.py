"""Functions that give series other names; values stay as they are."""

from collections.abc import Callable, Sequence

from weft.metrics.functions.naming import UserPattern, checked_name, key_of
from weft.metrics.functions.registry import SERIES, Context, Param, function
from weft.metrics.series import Series

NODES = Param("nodes", "nodeOrTag", required=True, multiple=True)


@function("Alias", SERIES, Param("newName", "string", required=True))
def alias(ctx: Context, series: list[Series], newName: str) -> list[Series]:
    """Call every series by this name."""
    return [one.but(name=newName) for one in series]


@function("Alias", SERIES, NODES)
def aliasByNode(ctx: Context, series: list[Series], *nodes: int | str) -> list[Series]:
    """Call each series by some nodes of its name (from 0; from the end when negative) or values of its tags."""
    return [one.but(name=key_of(one, nodes)) for one in series]


@function("Alias", SERIES, Param("tags", "nodeOrTag", required=True, multiple=True))
def aliasByTags(ctx: Context, series: list[Series], *tags: int | str) -> list[Series]:
    """Call each series by values of its tags or nodes of its name."""
    return aliasByNode(ctx, series, *tags)


@function("Alias", SERIES)
def aliasByMetric(ctx: Context, series: list[Series]) -> list[Series]:
    """Call each series by the last node of its name."""
    return substr(ctx, series, -1, 0)


@function("Alias", SERIES, Param("search", "string", required=True), Param("replace", "string", required=True))
def aliasSub(ctx: Context, series: list[Series], search: str, replace: str) -> list[Series]:
    """Replace what a regular expression matches in each name; `\\1` is its first group."""
    pattern = UserPattern("aliasSub", search, ctx)
    return [one.but(name=pattern.replaced(replace, one.name)) for one in series]


@function("Special", SERIES, Param("start", "node", default=0), Param("stop", "node", default=0), lean=True)
def substr(ctx: Context, series: list[Series], start: int, stop: int) -> list[Series]:
    """Call each series by the nodes from start up to stop, of what stands in its innermost parentheses."""
    return [one.but(name=_some_nodes(one.name, start, stop)) for one in series]


def _some_nodes(name: str, start: int, stop: int) -> str:
    first, last = name.rfind("(") + 1, name.find(")")
    inner = name[first : last if last >= 0 else None]
    return ".".join(inner.split(".")[start : stop or None]).split(",", 1)[0]


POSITIONS = Param("pos", "integer", multiple=True)


@function("Alias", SERIES, POSITIONS)
def upper(ctx: Context, series: list[Series], *pos: int) -> list[Series]:
    """Names in capitals, or only their letters at some positions (from 0; from the end when negative)."""
    return [one.but(name=_letters(one.name, str.upper, pos)) for one in series]


@function("Alias", SERIES, POSITIONS)
def lower(ctx: Context, series: list[Series], *pos: int) -> list[Series]:
    """Names in small letters, or only their letters at some positions (from 0; from the end when negative)."""
    return [one.but(name=_letters(one.name, str.lower, pos)) for one in series]


def _letters(name: str, change: Callable[[str], str], positions: Sequence[int]) -> str:
    if not positions:
        return checked_name(change(name))
    letters = list(name)
    for position in positions:
        if -len(letters) <= position < len(letters):
            letters[position] = change(letters[position])
    return checked_name("".join(letters))
