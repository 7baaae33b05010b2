"""What a table is: typed parameters in, typed columns out. `catalog.py` declares every one of them once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from weft.base.access import Viewer
from weft.base.intervals import Interval

ColumnType = Literal["string", "number", "time", "boolean"]
ParamType = Literal["string", "integer", "number", "boolean", "list", "time"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `unit` as Grafana names units ("", "s", "B/s"); a time is epoch ms, a missing cell None."""

    name: str
    type: ColumnType
    doc: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter; `choices`: all allowed values; `options`: name of what suggests values (jobs, users, hosts, ...)."""

    name: str
    type: ParamType = "string"
    doc: str = ""
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    options: str = ""


@dataclass(frozen=True, slots=True)
class TableData:
    """Rows in the order of the columns, and notices: what the reader must know about them.

    `cursor`: asks a paged table for the rows after these, None at the end. `columns`: where they depend on what was
    asked, in place of the table's own.
    """

    rows: Sequence[Sequence[Any]]
    notices: tuple[str, ...] = ()
    cursor: str | None = None
    columns: tuple[Column, ...] | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks, about what time, and when; `limit` rows at most."""

    viewer: Viewer
    window: Interval
    now_ms: int
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Table:
    """One table: `function(answers, ask, **arguments)` gives its rows. `operators`: not for users.

    No `columns`: they depend on what is asked, and come with the rows.
    """

    name: str
    doc: str
    columns: tuple[Column, ...]
    function: Callable[..., Awaitable[TableData]]
    params: tuple[Param, ...] = ()
    operators: bool = False
    example: Mapping[str, Any] = field(default_factory=dict)

    def columns_of(self, data: TableData) -> tuple[Column, ...]:
        """The columns of these rows."""
        return self.columns if data.columns is None else data.columns

    @property
    def paged(self) -> bool:
        """True when it goes on from the cursor of an answer."""
        return any(param.name == "cursor" for param in self.params)
