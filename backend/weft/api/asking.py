"""One text, one answer: a table of the catalogue or series of a Graphite expression, for every door that takes both."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from weft.answers import catalog
from weft.answers.answers import did_you_mean
from weft.answers.tables import Ask, Table
from weft.answers.virtual import HostTemplate
from weft.api.adhoc import Filter, filter_named, filter_rows
from weft.api.engines import Engines
from weft.api.frames import window_of
from weft.base.access import Viewer
from weft.base.errors import BadRequest, UnknownName
from weft.base.intervals import Interval
from weft.metrics.evaluate import Rendered
from weft.metrics.series import Series

MOST_ROWS = 10_000
"""Rows of one table in one answer; a panel draws some hundred."""

_BARE_PATH = re.compile(r"[^\s(){},'\"|]+")
_GLOB = re.compile(r"[*?\[{]")
_LIKE_A_TABLE = re.compile(r"[a-z_]+(\s+[a-z_]+=.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks about what time; `filters` are a dashboard's, `max_points` a panel's width."""

    engines: Engines
    viewer: Viewer
    span: Interval
    filters: tuple[Filter, ...] = ()
    max_points: int | None = None
    limit: int = MOST_ROWS

    def ask(self) -> Ask:
        """The same as the answers take it."""
        return Ask(self.viewer, self.span, self.engines.clock(), self.limit)


@dataclass(frozen=True, slots=True)
class TableAnswer:
    """Rows of a table of the catalogue in its columns, and what the reader must know about them."""

    table: Table
    rows: Sequence[Sequence[Any]]
    notices: list[str] = field(default_factory=list)


def is_table(text: str) -> bool:
    """True for a text that names a table, or that is typed like a request for one.

    A misspelt table is a table: the catalogue then names the nearest, where Graphite would only find no series.
    """
    word = text.split(maxsplit=1)[:1]
    return bool(word) and (word[0] in catalog.TABLES or _LIKE_A_TABLE.fullmatch(text.strip()) is not None)


async def table_answer(asking: Asking, text: str, extra: Mapping[str, Any] | None = None) -> TableAnswer:
    """Ask a table.

    Args:
        text: `jobs user=alice`. extra: arguments beside it; those that the table does not know are told, not refused
            (simPod's builder keeps those of the table that was chosen before).
    Raises:
        UnknownName, BadRequest, Forbidden: as the catalogue has them.
    """
    name, typed = catalog.parse_request(text)
    table = catalog.table(name)
    known = {param.name: param for param in table.params}
    arguments: dict[str, Any] = {key: value for key, value in (extra or {}).items() if key in known} | typed
    notices = [f"'{key}' means nothing to {name}." for key in (extra or {}) if key not in known]
    left: list[Filter] = []
    for one in asking.filters:
        param = known.get(one.key)
        if param is None or one.key in arguments or param.choices:
            left.append(one)
        elif one.operator == "=":
            arguments[one.key] = one.values[0]
        elif one.operator == "=|" and param.type == "list":
            arguments[one.key] = list(one.values)
        else:
            left.append(one)
    data = await catalog.run(asking.engines.answers, name, arguments, asking.ask())
    table = replace(table, columns=table.columns_of(data))
    rows, idle = filter_rows([column.name for column in table.columns], data.rows, left)
    return TableAnswer(
        table, rows, [*data.notices, *notices, *(f"The filter '{f}' means nothing to {name}." for f in idle)]
    )


async def series_answer(asking: Asking, target: str) -> Rendered:
    """Series of a Graphite expression.

    Raises:
        UnknownName: a plain path of which some node exists nowhere; the message names the nearest.
        BadRequest, TooMuch: as the engine has them.
    """
    engines = asking.engines
    rendered = await engines.series.render(
        [target],
        window_of(asking.span, engines.clock()),
        asking.viewer,
        zone=engines.site.zone,
        max_points=asking.max_points,
    )
    if not rendered.series:
        await _explain(asking, target)
        return Rendered([], rendered.notices or [f"No series matches {target} in this time."])
    template = HostTemplate(engines.site.settings.hosts)
    cluster = engines.site.settings.cluster

    def said_of(one: Series) -> Mapping[str, str]:
        found = template.split(one.tags.get("name", one.name), cluster)
        return {"host": found[0], **one.tags} if found else one.tags

    kept, idle = filter_named(rendered.series, said_of, asking.filters)
    notices = [*rendered.notices, *(f"The filter '{one}' means nothing to these series." for one in idle)]
    if not kept:
        notices.append("The dashboard's filters leave no series.")
    return Rendered(kept, notices)


async def _explain(asking: Asking, target: str) -> None:
    """Raise UnknownName when a plain path leads nowhere; a pattern may rightly match nothing, and so may a path while a
    part of the store is away."""
    path = target.strip()
    if not _BARE_PATH.fullmatch(path):
        return
    window = window_of(asking.span, asking.engines.clock())
    missing: list[str] = []
    find = partial(asking.engines.series.find, window=window, viewer=asking.viewer, tell=missing.append)
    nodes = path.split(".")
    for depth, node in enumerate(nodes):
        above = nodes[:depth]
        if await find(".".join([*above, node])):
            continue
        if _GLOB.search(node) or missing:
            return
        beside = await find(".".join([*above, "*"]))
        names = [found.path.rpartition(".")[2] for found in beside]
        place = f"below '{'.'.join(above)}'" if above else "among tables and series"
        raise UnknownName(
            f"Nothing is called '{node}' {place} in this time.",
            fix=did_you_mean(node, [*names, *([] if above else catalog.TABLES)]),
        )
    below = await find(f"{path}.*")
    if below and not _GLOB.search(path):
        raise BadRequest(
            f"'{path}' is a folder of series, not a series.",
            fix=f"Ask for {below[0].path}, or for all with {path}.*",
        )
