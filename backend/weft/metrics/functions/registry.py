"""Graphite's functions as data: each declared beside its few lines of numpy, looked up by name, served as `/functions`.

A file of functions imports `function`, `Param` and its helpers from here and is named in `functions/__init__.py`; the
engine knows none of them.
"""

import difflib
import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from operator import attrgetter
from typing import Any, Final, TypeVar

import orjson

from weft.base.errors import BadRequest
from weft.metrics.budget import Budget
from weft.metrics.consolidate import AGGREGATIONS, CONSOLIDATIONS
from weft.metrics.series import Series, Values, Window
from weft.metrics.times import parse_offset

Again = Callable[[Window], list[Series]]
"""What a function with `refetch` gets in place of its first argument: the same expression over another window."""

Evaluate = Callable[[str], list[Series]]
"""Gives the series of a target that a function made up, over the function's own window."""


class Missing(Exception):
    """Data is wanted that is not read yet; it is noted, and the function will be called again."""


class Uneven(Exception):
    """Series that a function wants to go through some at a time have not one start, step and length."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Series that are read while one goes through them, some at a time; each time anew."""

    parts: Callable[[], Iterator[list[Series]]]


Given = list[Series] | Stream
"""What a function with `streams` gets as its series."""


Made = TypeVar("Made")


def together(asked: Iterable[Callable[[], Made]]) -> list[Made]:
    """What each of these gives. Only when all were asked Missing is raised, so that all they want is read at once."""
    made: list[Made] = []
    missing = False
    for ask in asked:
        try:
            made.append(ask())
        except Missing:
            missing = True
    if missing:
        raise Missing
    return made


@dataclass(slots=True)
class State:
    """What the functions of one target share: xFilesFactor, which setXFilesFactor changes for those around it."""

    xff: float


@dataclass(frozen=True, slots=True)
class Context:
    """What a function knows of the request.

    Args:
        window: the time its arguments span, history for a moving window included.
        zone: in which days begin and clocks change.
        evaluate: for functions that make up other targets; raises what a bad target raises, and Missing.
        events: times in epoch seconds, sorted, of the events within the window that have all these tags; none: of
            all events. Raises Missing.
        stacks: what is stacked up so far, by the name of the stack, in the order of the targets; `stacked` adds to it.
            None: an earlier target is not evaluated yet.
    """

    window: Window
    zone: tzinfo
    state: State
    budget: Budget
    evaluate: Evaluate
    events: Callable[[Sequence[str]], Sequence[int]]
    stacks: MutableMapping[str, Values] | None


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter, in graphite-web's terms.

    Args:
        type: a key of TYPES. required: must be given, unless it has a default. multiple: takes all that follow.
        options: values it may have, when few. suggestions: what an editor offers.
        told: the default that an editor is told, where the function gets None to know that none was given.
        told_type: the type that an editor is told, where graphite-web takes more than that.
        open: other values than the options are taken too.
    """

    name: str
    type: str
    required: bool = False
    multiple: bool = False
    default: Any = None
    options: tuple[Any, ...] = ()
    suggestions: tuple[Any, ...] = ()
    told: Any = None
    told_type: str = ""
    open: bool = False

    def described(self) -> dict[str, Any]:
        """As graphite-web describes it: only what is set."""
        members: dict[str, Any] = {"name": self.name, "type": self.told_type or self.type}
        if self.required:
            members["required"] = True
        default = self.told if self.default is None else self.default
        if default is not None:
            members["default"] = _INFINITY if default == math.inf else default
        if self.multiple:
            members["multiple"] = True
        options = self.options or TYPE_OPTIONS.get(self.type, ())
        if self.type == "aggOrSeriesFunc":
            options = (*options, *(name for name, made in _FUNCTIONS.items() if made.aggregator))
        if options:
            members["options"] = sorted(set(options), key=str)
        if self.suggestions:
            members["suggestions"] = list(self.suggestions)
        return members


_INFINITY: Final = orjson.Fragment(b"1e9999")
"""JSON has no infinity; Grafana reads this number as one."""

PIE: Final = "Pie"
"""The group of functions that only a pie chart uses; in a target they change nothing."""

SERIES: Final = Param("seriesList", "seriesList", required=True)
"""The first parameter of most functions."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function under one name.

    Args:
        run: takes a Context, then the parameters in order.
        aggregator: makes one series of a list, so groupByNode takes its name.
        refetch: `run` gets an Again as its first argument instead of a list of series.
        lean: gives the values it gets, or few new ones.
        over: the one of AGGREGATIONS that it is over all series it gets.
        streams: whether it takes a Stream for its first argument, given the others; it may raise Uneven then.
    """

    name: str
    group: str
    params: tuple[Param, ...]
    run: Callable[..., list[Series]]
    doc: str = field(repr=False)
    aggregator: bool = False
    refetch: bool = False
    lean: bool = False
    over: str = ""
    streams: Callable[..., bool] | None = None

    @property
    def makes_points(self) -> bool:
        """True when it gives as many new points as it gets; the others rename, choose and sort series, or make one of
        many and count themselves what they make."""
        return not (self.lean or self.aggregator or self.group in _MAKE_NONE)

    def described(self) -> dict[str, Any]:
        """The member of graphite-web's `/functions` for it."""
        shown = [
            f"*{one.name}"
            if one.multiple
            else one.name
            if one.required and one.default is None
            else f"{one.name}={one.default!r}"
            for one in self.params
        ]
        return {
            "name": self.name,
            "function": f"{self.name}({', '.join(shown)})",
            "description": self.doc,
            "module": self.run.__module__,
            "group": self.group,
            "params": [one.described() for one in self.params],
        }


_TAKE_SERIES: Final = frozenset(("any", "series", "seriesList", "seriesLists"))
_MAKE_NONE: Final = frozenset(("Alias", "Combine", "Filter Series", "Graph", PIE, "Sorting"))
_FUNCTIONS: dict[str, Function] = {}


def function(
    group: str,
    *params: Param,
    names: Sequence[str] = (),
    aggregator: bool = False,
    refetch: bool = False,
    lean: bool = False,
    streams: Callable[..., bool] | None = None,
) -> Callable[[Callable[..., list[Series]]], Callable[..., list[Series]]]:
    """Register the function below; `names` when it has others than its own."""

    def register(run: Callable[..., list[Series]]) -> Callable[..., list[Series]]:
        for name in names or (run.__name__,):
            doc = inspect.getdoc(run) or ""
            add(Function(name, group, params, run, doc, aggregator, refetch, lean, streams=streams))
        return run

    return register


def add(made: Function) -> None:
    """Register a function."""
    _FUNCTIONS[made.name] = made


def described(*, pie: bool = False) -> dict[str, dict[str, Any]]:
    """Every function as graphite-web's `/functions` tells it, by name; for orjson (an infinite default is 1e9999).

    Args:
        pie: those that only a pie chart uses (`/functions?type=pie`), in place of all others.
    """
    if pie:
        # graphite-web calls pieAverage `average` there.
        pies = (
            replace(made, name=name.removeprefix("pie").lower())
            for name, made in _FUNCTIONS.items()
            if made.group == PIE
        )
        return {made.name: made.described() for made in sorted(pies, key=attrgetter("name"))}
    return {name: made.described() for name, made in sorted(_FUNCTIONS.items()) if made.group != PIE}


def lookup(name: str) -> Function:
    """The function of that name. Raises BadRequest with the nearest name."""
    found = _FUNCTIONS.get(name)
    if found is None:
        raise BadRequest(f"Function '{name[:60]}' is unknown.", fix=nearest(name, _FUNCTIONS))
    return found


def aggregator(name: str) -> Function | None:
    """The function of that name when it makes one series of a list, so that it may stand as a callback."""
    found = _FUNCTIONS.get(name)
    return found if found and found.aggregator else None


def nearest(word: str, known: Iterable[str]) -> str:
    """The `fix` of an error on a word that is not known."""
    known = sorted(known)
    by_folded = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(word[:60].casefold(), by_folded, n=1, cutoff=0.5)
    rest = f"Known are {', '.join(known)}." if len(known) <= 20 else "GET /functions lists those that are known."
    return f"Did you mean '{by_folded[close[0]]}'? {rest}" if close else rest


def bound(made: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """The arguments in the order of the function's parameters, converted to their types, defaults filled in.

    Raises:
        BadRequest: too many, a missing or unknown one, or a value of the wrong type; one line that names it.
    """
    params = made.params
    last = params[-1] if params else None
    if len(args) > len(params) and not (last and last.multiple):
        raise BadRequest(
            f"{made.name} takes at most {len(params)} arguments, got {len(args)}.", fix=f"It is {_signature(made)}."
        )
    for name in kwargs:
        names = [one.name for one in params]
        if name not in names:
            raise BadRequest(f"{made.name} has no parameter '{name[:60]}'.", fix=nearest(name, names))
        if names.index(name) < len(args):
            raise BadRequest(f"{made.name} got the parameter '{name}' twice.", fix=f"It is {_signature(made)}.")
    values: list[Any] = []
    for position, param in enumerate(params):
        if param.multiple:
            given = list(args[position:]) or ([kwargs[param.name]] if param.name in kwargs else [])
            if param.required and not given:
                raise _missing(made, param)
            values += [_converted(made, param, value) for value in given]
            continue
        value = args[position] if position < len(args) else kwargs.get(param.name)
        if value is None and param.required and param.default is None:
            raise _missing(made, param)
        values.append(param.default if value is None else _converted(made, param, value))
    return values


def _signature(made: Function) -> str:
    return str(made.described()["function"])


def _missing(made: Function, param: Param) -> BadRequest:
    return BadRequest(f"{made.name} needs the parameter '{param.name}'.", fix=f"It is {_signature(made)}.")


def _converted(made: Function, param: Param, value: Any) -> Any:
    expected, convert = TYPES[param.type]
    if isinstance(value, list | Stream) and param.type not in _TAKE_SERIES:
        # To show them as text, as what reads numbers and words does, takes a millisecond each.
        raise _wrong(made, param, value, f"Give {expected}.")
    try:
        converted = convert(value)
    except (TypeError, ValueError, OverflowError, BadRequest):
        raise _wrong(made, param, value, f"Give {expected}.") from None
    known = param.options or TYPE_OPTIONS.get(param.type, ())
    if (
        known
        and not param.open
        and converted not in known
        and not (param.type == "aggOrSeriesFunc" and aggregator(converted))
    ):
        raise _wrong(made, param, value, nearest(converted, known))
    return converted


def _wrong(made: Function, param: Param, value: Any, fix: str) -> BadRequest:
    shown = "a series" if isinstance(value, list | Stream) else repr(value)[:60]
    return BadRequest(f"{made.name}: the parameter '{param.name}' cannot be {shown}.", fix=fix)


def _whole(value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    return int(value)


def _whole_or_inf(value: Any) -> float:
    return math.inf if value == math.inf else _whole(value)


def _truth(value: Any) -> bool:
    known = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
    return known[str(value).lower()] if str(value).lower() in known else _refused(value)


def _refused(value: Any) -> bool:
    raise ValueError(value)


def _series(value: Any) -> Given:
    if not isinstance(value, list | Stream):
        raise TypeError(value)
    return value


def _number(value: Any) -> int | float:
    if isinstance(value, int | float):
        return value
    return int(value) if str(value).isdigit() else float(value)


def _interval(value: Any) -> str:
    parse_offset(value if isinstance(value, str) else str(value))
    return str(value)


def _count_or_interval(value: Any) -> int | float | str:
    if isinstance(value, str):
        return _interval(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(value)
    return value


def _node(value: Any) -> int | str:
    return value if isinstance(value, str) else _whole(value)


def _aggregation(value: Any) -> str:
    # sumSeries stands for sum, as in graphite-web.
    name = str(value)
    return name.removesuffix("Series") if name.removesuffix("Series") in AGGREGATIONS else name


def _callback(value: Any) -> str:
    # countSeries counts series, count their values: a function's own name comes first.
    name = str(value)
    return name if aggregator(name) else _aggregation(name)


TYPES: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "any": ("anything", lambda value: value),
    "aggFunc": ("the name of an aggregation in quotes", _aggregation),
    "aggOrSeriesFunc": ("the name of an aggregation in quotes", _callback),
    "boolean": ("true or false", _truth),
    "date": ("a time in quotes", str),
    "float": ("a number", float),
    "integer": ("a whole number", _whole),
    "interval": ("a length of time such as '5min' or '1h'", _interval),
    "intOrInf": ("a whole number or inf", _whole_or_inf),
    "intOrInterval": ("a number of points, or a length of time such as '5min'", _count_or_interval),
    "node": ("the number of a node, from 0", _whole),
    "nodeOrTag": ("the number of a node, from 0, or a tag in quotes", _node),
    "number": ("a number", _number),
    "series": ("a series", _series),
    "seriesList": ("series", _series),
    "seriesLists": ("series", _series),
    "string": ("a text in quotes", str),
    "tag": ("a tag in quotes", str),
}
"""graphite-web's parameter types, and "number", which stays an integer when it is one: what to give, how it is read.

seriesLists, what mapSeries gives, is one list here, its parts one after another.
"""

TYPE_OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "aggFunc": tuple(AGGREGATIONS),
    "aggOrSeriesFunc": tuple(AGGREGATIONS),
}
CONSOLIDATION_OPTIONS: Final = tuple(CONSOLIDATIONS)
