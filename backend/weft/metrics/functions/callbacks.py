"""Functions that sort series into groups and call another function, or another target, for each group."""

from functools import partial
from typing import Final

from weft.base.errors import BadRequest
from weft.metrics.functions.combine import by_key, combined
from weft.metrics.functions.naming import checked_name
from weft.metrics.functions.registry import (
    SERIES,
    Context,
    Function,
    Param,
    add,
    aggregator,
    bound,
    function,
    lookup,
    together,
)
from weft.metrics.series import Series


@function(
    "Combine",
    SERIES,
    Param("nodeNum", "node", required=True),
    Param("templateFunction", "string", required=True),
    Param("newName", "string"),
)
def applyByNode(
    ctx: Context, series: list[Series], nodeNum: int, templateFunction: str, newName: str | None
) -> list[Series]:
    """Evaluate a target for each beginning that the names have, up to a node (from 0): it stands where the target and
    newName have a %."""
    prefixes = sorted({".".join(one.name.split(".")[: nodeNum + 1]) for one in series})
    found = together(partial(ctx.evaluate, templateFunction.replace("%", prefix)) for prefix in prefixes)
    results: list[Series] = []
    for prefix, some in zip(prefixes, found, strict=True):
        for one in some:
            name = one.name if not newName else checked_name(newName.replace("%", prefix))
            # As in graphite-web the times are those of the last series that the names come from.
            made = one.but(name=name, path=prefix, start_s=series[-1].start_s, stop_s=None)
            results.append(made if made.end_s == series[-1].end_s else made.but(stop_s=series[-1].end_s))
    return results


@function(
    "Combine",
    SERIES,
    Param("mapNodes", "nodeOrTag", required=True, multiple=True),
    names=("map", "mapSeries"),
)
def mapped(ctx: Context, series: list[Series], *mapNodes: int | str) -> list[Series]:
    """Put series that have some nodes (from 0) or tags in common next to each other, for reduceSeries."""
    # graphite-web gives a list of lists, which only reduceSeries can read; it answers 500 to a graph of them.
    return [one for some in by_key(series, mapNodes).values() for one in some]


@function(
    "Combine",
    Param("seriesLists", "seriesLists", required=True),
    Param("reduceFunction", "string", required=True),
    Param("reduceNode", "node", required=True),
    Param("reduceMatchers", "string", required=True, multiple=True),
    names=("reduce", "reduceSeries"),
)
def reduced(
    ctx: Context, series: list[Series], reduceFunction: str, reduceNode: int, *reduceMatchers: str
) -> list[Series]:
    """Call a function once for all series that are alike before a node (from 0): its arguments are those whose node is
    the first of the matchers, the second and so on. Where one is missing there is no result."""
    made = lookup(reduceFunction)
    if made.refetch:
        raise BadRequest(
            f"reduceSeries: {made.name} reads its series anew and cannot be called here.",
            fix=f"Call {made.name} around reduceSeries.",
        )
    groups: dict[str, dict[str, Series]] = {}
    for one in series:
        nodes = one.name.split(".")
        # graphite-web 1.1.10 answers 500 for a name without that node.
        if -len(nodes) <= reduceNode < len(nodes) and nodes[reduceNode] in reduceMatchers:
            key = f"{'.'.join(nodes[:reduceNode])}.reduce.{reduceFunction}"
            groups.setdefault(key, {})[nodes[reduceNode]] = one
    results: list[Series] = []
    for key, by_node in groups.items():
        # graphite-web 1.1.10 answers 500 where one is missing.
        if all(matcher in by_node for matcher in reduceMatchers):
            arguments = bound(made, [[by_node[matcher]] for matcher in reduceMatchers], {})
            results += [one.but(name=key) for one in made.run(ctx, *arguments)[:1]]
    return results


@function(
    "Combine",
    SERIES,
    Param("callback", "aggOrSeriesFunc", required=True),
    Param("tags", "tag", required=True, multiple=True),
)
def groupByTags(ctx: Context, series: list[Series], callback: str, *tags: str) -> list[Series]:
    """One series for each combination of values of some tags; it has these tags, and the name that all series have in
    common or else the callback's."""
    made = aggregator(callback)
    names = {one.tags.get("name", "") for one in series}
    groups: dict[tuple[str, ...], list[Series]] = {}
    for one in series:
        name = one.tags.get("name", "") if "name" in tags else callback if len(names) > 1 else next(iter(names))
        groups.setdefault((name, *(one.tags.get(tag, "") for tag in tags)), []).append(one)
    results: list[Series] = []
    for (name, *values), some in groups.items():
        own = [(tag, value) for tag, value in zip(tags, values, strict=True) if tag != "name"]
        key = ";".join((name, *sorted(f"{tag}={value}" for tag, value in own)))
        # graphite-web 1.1.10 answers 500 where a tag is missing.
        told = {tag: value for tag, value in own if value} | {"name": name}
        alone = made.run(ctx, *bound(made, [some], {})) if made else combined(ctx, some, callback)
        results += [one.but(name=key, path=key, tags=told) for one in alone[:1]]
    return results


def _by_tag(ctx: Context, *tagExpressions: str) -> list[Series]:
    raise BadRequest("seriesByTag cannot be called by another function.", fix="Write it where a path may stand.")


_BY_TAG: Final = """The series whose tags meet all expressions: "tag=value", "tag!=value", "tag=~regex" (from the
beginning of the value) or "tag!=~regex"; the name is the tag `name`, and a series without a tag has its empty value. At
least one expression must need a value."""
# The engine reads it as it reads a path; here it is told to editors.
add(Function("seriesByTag", "Special", (Param("tagExpressions", "string", required=True, multiple=True),), _by_tag,
             _BY_TAG))  # fmt: skip
