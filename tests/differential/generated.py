"""Targets made by chance, as people nest them: every function, its parameters by what the registry says of them.

Values are such that most targets mean something: lists of equal length where two are taken in pairs, nodes that names
have, percentiles up to 100. What Weft answers otherwise on purpose (see differences.txt) is kept out where it would
change values: infinities, and pipes and stacks whose arguments graphite-web reads twice.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from weft.metrics.functions import registry
from weft.metrics.target import Call, Node, Tagged, Template, parse

DEEPEST: Final = 4

PATHS: Final[Mapping[int, Sequence[str]]] = {
    0: ("nothing.*",),
    1: ("load.h1.cpu.user", "load.h2.cpu.system", "load.h10.cpu.user", "count.resets", "count.gaps", "flat.steps",
        "line.wave", "line.up", "gap.lengths", "gap.every6", "point.middle", "step.s20", "step.s45", "step.s60",
        "step.rolled", "odd.deep.er.and.deep.er", "odd.percent%", 'seriesByTag("name=net.rx")'),
    2: ("load.h1.cpu.*", "load.h2.cpu.*", "gap.{first,last}", "step.{s20,s30}", "flat.{tenth,steps}", "odd.tagged*",
        'seriesByTag("name=mem")', "line.{halves,share}"),
    3: ("load.*.cpu.user", "load.*.cpu.system", "gap.every*", "point.{first,middle,last}", "step.{s30,s45,s60}",
        "count.{steady,gaps,jumps}", 'seriesByTag("name=cpu")', 'seriesByTag("site=south")'),
    6: ("load.*.cpu.*", "line.*", "step.s*", 'seriesByTag("name=~.*","site=~.+")'),
}  # fmt: skip
"""Path expressions by how many series they give."""
MANY: Final = ("count.*", "flat.{zero,one,tenth,steps}", "gap.*", "point.*", "step.*", "{load,count}.*",
               "odd.{9digits,UPPER,a+b,colon:x,percent%}", "load.h?.cpu.{user,system}")  # fmt: skip
"""Others, whose number does not matter."""

AGGREGATIONS: Final = ("average", "avg_zero", "median", "sum", "min", "max", "diff", "stddev", "count", "range", "last",
                       "multiply", "rangeOf", "avg", "total", "current")  # fmt: skip


def _quoted(*texts: str) -> tuple[str, ...]:
    return tuple(f'"{text}"' for text in texts)


VALUES: Final[Mapping[str, Sequence[str]]] = {
    # By type.
    ":aggFunc": _quoted(*AGGREGATIONS),
    ":aggOrSeriesFunc": _quoted(*AGGREGATIONS, "averageSeries", "countSeries", "stddevSeries", "rangeOfSeries"),
    ":boolean": ("true", "false"),
    ":float": ("2", "0.5", "-3", "10", "33.3", "0"),
    ":integer": ("1", "2", "3", "5"),
    ":interval": _quoted("1min", "45s", "95s", "2min", "5min", "10min", "30s", "7min"),
    ":intOrInf": ("0", "1", "3", "inf"),
    ":intOrInterval": ("1", "2", "5", "7", "30", *_quoted("1min", "95s", "5min", "-2min")),
    ":node": ("0", "1", "-1", "3"),
    ":nodeOrTag": ("0", "1", "2", "-1", "3", *_quoted("name", "host", "dc")),
    ":tag": _quoted("name", "site"),
    # By name.
    "alpha": ("0.5",),
    "amplitude": ("1", "3", "0.5"),
    "base": ("2", "10", "3"),
    "bootstrapInterval": _quoted("30min", "20min", "10min"),
    "color": _quoted("red"),
    "consolidationFunc": _quoted("sum", "average", "min", "max", "first", "last", "avg_zero"),
    "dashLength": ("2", "2.5"),
    "delta": ("1", "3", "0.5"),
    "intervalUnit": _quoted("5min", "95s", "-7min"),
    "label": _quoted("a b", "x.y"),
    "maxValue": ("5000", "100"),
    "minValue": ("0", "10"),
    "n": ("1", "2", "5", "20"),
    "name": _quoted("t", "x.y", "a;b=c"),
    "newName": _quoted("x y", "a.b.c", "%", "ü"),
    "operator": _quoted("=", "!=", ">", ">=", "<", "<="),
    "pattern": _quoted("h1", "[A-Z]", r"e.*r", r"\\.(user|up)$", "nothing"),
    "points": ("2", "5", "30"),
    "pos": ("0", "3", "-1", "99"),
    "position": ("0", "1", "2"),
    "precision": ("0", "1", "3", "-1"),
    "replace": _quoted(r"<\1>", "x", r"\1.\1"),
    "search": _quoted(r"^(\w+)", r"(e)", r"\.(\w+)\."),
    "seasonality": _quoted("30min", "1h"),
    "seconds": ("1", "60", "0.5"),
    "stack": _quoted("a", "b"),
    "start": ("0", "1", "-2"),
    "step": ("60", "30", "7"),
    "steps": ("1", "5", "-3", "0"),
    "stop": ("0", "2", "3"),
    "system": _quoted("si", "binary"),
    "theColor": _quoted("red"),
    "threshold": ("0", "3", "20"),
    "timeShift": _quoted("10min", "95s", "-20min", "+5min"),
    "timeShiftEnd": ("2", "3"),
    "timeShiftStart": ("0", "1"),
    "timeShiftUnit": _quoted("5min", "95s", "-2min"),
    "ts": _quoted("<middle>", "<until>"),
    "verticalLine.label": _quoted("a b", "x.y"),
    "units": _quoted("b", "ms"),
    "value": ("5", "-3.25", "0.5"),
    "valuesTypes": _quoted("last", "avg", "min", "max", "total", "nonsense"),
    "width": ("2",),
    "windowTolerance": ("0", "0.5", "1"),
    "xFilesFactor": ("0", "0.3", "0.5", "1"),
    # By function and name.
    "aggregate.func": _quoted(*AGGREGATIONS, "sumSeries", "rangeOfSeries"),
    "alias.newName": _quoted("x y", "a.b.c", "ü", "f(a.b)"),
    "averageOutsidePercentile.n": ("25", "60", "75", "90"),
    "delay.steps": ("1", "5", "-3"),
    "events.tags": _quoted("*", "job"),
    "nPercentile.n": ("1", "50", "90", "99.9"),
    "percentileOfSeries.n": ("1", "50", "90", "99.9"),
    "pow.factor": ("2", "0.5", "-1", "3"),
    "scale.factor": ("2", "0.5", "-3", "33.3"),
    "removeAbovePercentile.n": ("1", "50", "90"),
    "removeBelowPercentile.n": ("1", "50", "90"),
    "removeBetweenPercentile.n": ("25", "60", "75", "90"),
    "smartSummarize.alignTo": _quoted("minutes", "hours", "days", "weeks3", "seconds"),
    "transformNull.default": ("0", "-1", "2.5"),
}
"""What a parameter gets, by `function.parameter`, by its name or by `:type`; `<from>` and the like are times."""

PAIRS: Final = ("aggregateSeriesLists", "diffSeriesLists", "divideSeriesLists", "multiplySeriesLists", "sumSeriesLists",
                "weightedAverage")  # fmt: skip
"""Functions of two lists of equal length."""
PERCENT: Final = ("asPercent", "pct")
TAGGED: Final = (
    ('"name=cpu"',), ('"site=north"', '"host!=h1"'), ('"site=~s.*"',), ('"name=~cpu|mem"', '"site!=~north"'),
    ('"host="', '"site=south"'), ('"host!="', '"site=south"'), ('"port=mlx5.0"',), ('"name=nothing"',),
    (r'"name=~load\.h[12]\.cpu\..*"',),
)  # fmt: skip
REPLACED: Final = (
    ("load.h1.cpu.user", '"user","system"'), ("load.*.cpu.system", '"system$","user"'),
    ("line.*", r'"line\.(.*)","flat.one"'), ("load.h{1,10}.cpu.*", r'"^load\.(\w+).*$","sumSeries(load.\1.cpu.*)"'),
)  # fmt: skip
"""Series that have a last value, and what in their names leads to others."""

ONE_EACH: Final = frozenset(("Transform", "Graph", "Alias", "Calculate", "Sorting"))
"""Groups whose functions of one list give as many series as they get, but for OTHER_NUMBER."""
OTHER_NUMBER: Final = frozenset(("areaBetween", "holtWintersConfidenceArea", "holtWintersConfidenceBands",
                                 "linearRegression", "sortByMinima", "timeStack"))  # fmt: skip
GIVES: Final[Mapping[str, frozenset[str]]] = {
    # Read twice, graphite-web's second answer is another one.
    "once": frozenset(("stacked", "setXFilesFactor", "xFilesFactor")),
    # Reads its series anew: what lies before, or at another time.
    "history": frozenset(name for name in registry.described() if registry.lookup(name).refetch),
    # It holds for what is read behind it too.
    "share": frozenset(("setXFilesFactor", "xFilesFactor")),
    # The series may have another step than those that it gets.
    "steps": frozenset(
        ("aggregateLine", "applyByNode", "compressPeriodicGaps", "constantLine", "countSeries", "events", "hitcount",
         "identity", "randomWalk", "randomWalkFunction", "seriesByTag", "sin", "sinFunction", "smartSummarize",
         "summarize", "threshold", "time", "timeFunction", "verticalLine")
    ),
    # The series may have more or fewer values than those that it gets.
    "length": frozenset(("exponentialMovingAverage", "holtWintersAberration", "holtWintersConfidenceArea",
                         "holtWintersConfidenceBands", "holtWintersForecast", "timeShift", "timeStack")),
    # At another time it may give other series.
    "chosen": frozenset(
        name for name, told in registry.described().items() if told["group"] in ("Filter Series", "Sorting")
    ),
    # Two libraries of mathematics may give two last bits.
    "inexact": frozenset(("exp", "invert", "linearRegression", "log", "logit", "pow", "powSeries", "sigmoid", "sin",
                          "sinFunction", "squareRoot", "stdev")),
    # Its values are whole numbers to graphite-web, which prints them without `.0`, or two series share their tags.
    "whole": frozenset(("changed", "countSeries", "exponentialMovingAverage", "holtWintersAberration", "identity",
                        "integralByInterval", "isNonNull", "time", "timeFunction", "transformNull", "verticalLine",
                        "areaBetween", "holtWintersConfidenceArea", "holtWintersConfidenceBands")),
}  # fmt: skip
"""What is said of an expression, and by which functions; it holds for what is made of it too."""
TAKES_NOT: Final[Mapping[str, frozenset[str]]] = {
    "once": GIVES["history"],
    "history": frozenset(("template",)),
    "steps": frozenset((*PERCENT, "transformNull")),
    "length": frozenset(("transformNull",)),
    "chosen": frozenset(
        name for name in registry.described() if name.startswith(("moving", "exponential", "linearRegression"))
    ),
    "inexact": frozenset(("aggregateLine", "changed", "legendValue", "nonNegativeDerivative", "offsetToZero",
                          "perSecond")),
    "share": frozenset(
        name for name, told in registry.described().items()
        if sum(1 + bool(param.get("multiple")) for param in told["params"] if param["type"] == "seriesList") > 1
    ),
    "whole": frozenset(("aggregateLine", "legendValue", "offsetToZero")),
}  # fmt: skip
"""Functions that are not called with such an expression: it is answered otherwise on purpose, or by rounding."""
BY_PLACE: Final = frozenset(("alignDst", "stack"))
"""Parameters that graphite-web does not take by their name."""
EXPECTED: Final = frozenset(("bootstrapInterval", "label", "valuesTypes"))
"""Parameters that need not be given, though graphite-web often answers 500 without them."""


@dataclass(frozen=True, slots=True)
class Made:
    """An expression that gives series, the expressions within it, and what is said of it (a key of GIVES)."""

    text: str
    parts: tuple["Made", ...] = ()
    said: frozenset[str] = frozenset()

    def within(self) -> Iterator["Made"]:
        """It and all expressions within it, the smallest first."""
        for part in self.parts:
            yield from part.within()
        yield self

    def suits(self, name: str) -> bool:
        """Whether a function is called with it."""
        return not any(name in TAKES_NOT[word] for word in self.said)


@dataclass(frozen=True, slots=True)
class Asked:
    """A target and the options of the request."""

    made: Made
    options: Mapping[str, Any]


def depth(node: Node) -> int:
    """How deep calls nest."""
    if isinstance(node, Template):
        return depth(node.body)
    if isinstance(node, Call):
        return 1 + max((depth(one) for one in (*node.args, *(value for _, value in node.kwargs))), default=0)
    return int(isinstance(node, Tagged))


def functions(node: Node) -> set[str]:
    """The functions that are called."""
    if isinstance(node, Template):
        return functions(node.body)
    if isinstance(node, Tagged):
        return {"seriesByTag"}
    if not isinstance(node, Call):
        return set()
    return {node.name}.union(*(functions(one) for one in (*node.args, *(value for _, value in node.kwargs))))


class Composer:
    """Composes targets by chance; the same chance gives the same targets."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._known = registry.described()
        self._special = {
            "areaBetween": partial(self._of_number, number=2),
            "holtWintersConfidenceArea": partial(self._of_number, number=1),
            "divideSeries": self._divided,
            "exp": self._exp,
            "seriesByTag": self._by_tag,
            "applyByNode": self._by_node,
            "aliasQuery": self._by_name,
            "useSeriesAbove": self._by_name,
            "groupByTags": self._by_tags,
            "linearRegression": self._regression,
            "timeSlice": self._sliced,
            "stdev": self._deviation,
            **dict.fromkeys(("map", "mapSeries", "reduce", "reduceSeries"), self._reduced),
            **dict.fromkeys(("randomWalk", "randomWalkFunction"), self._walked),
            **dict.fromkeys(PAIRS, self._paired),
            **dict.fromkeys(PERCENT, self._percent),
        }
        takes_series = [name for name, told in self._known.items() if told["params"][0]["type"] == "seriesList"]
        self._around_any = [name for name in takes_series if name not in self._special]
        self._one_each = [
            name
            for name in self._around_any
            if self._known[name]["group"] in ONE_EACH
            and name not in OTHER_NUMBER
            and sum(param["type"] == "seriesList" for param in self._known[name]["params"]) == 1
        ]

    def targets(self, number: int) -> list[Asked]:
        """So many targets. Each function is placed in one of them, then each in another, and so on."""
        made: dict[str, Asked] = {}
        while True:
            names = list(self._known)
            self._chance.shuffle(names)
            for name in names:
                before = len(made)
                while len(made) == before:
                    asked = self._asked(name)
                    made.setdefault(f"{asked.made.text} {asked.options}", asked)
                if len(made) == number:
                    return list(made.values())

    def _asked(self, name: str) -> Asked:
        while True:
            deep = self._one((1, 2, 2, 3, 3, 3, 4, 4, 4))
            around = self._chance.randrange(deep)
            made = self._call(name, deep - around)
            for _ in range(around):
                made = self._written(self._one([one for one in self._around_any if made.suits(one)]), [made], 1)
            if self._often(0.2):
                made = self._templated(made)
            if depth(parse(made.text)) <= DEEPEST:
                break
        options: dict[str, Any] = {}
        if self._often(0.3):
            options["maxDataPoints"] = self._one((1, 7, 20, 50, 100, 500))
        if self._often(0.2):
            options["xFilesFactor"] = self._one((0.3, 0.5, 0.9, 1))
        return Asked(made, options)

    def _one(self, some: Sequence[Any]) -> Any:
        return self._chance.choice(some)

    def _often(self, share: float) -> bool:
        return self._chance.random() < share

    # Expressions.

    def _series(self, deep: int, number: int | None = None) -> Made:
        """An expression of at most that depth that gives series, `number` of them when it is told."""
        if deep < 1 or self._often(0.15):
            return self._path(number)
        if number is None:
            return self._call(self._one(list(self._known)), deep)
        if number == 1 and self._often(0.4):
            return self._call(self._one(("sumSeries", "averageSeries", "maxSeries", "rangeOfSeries")), deep)
        name = self._one(self._one_each)
        return self._written(name, [self._fitting(name, deep - 1, number)], deep)

    def _path(self, number: int | None = None) -> Made:
        if number is None:
            number = self._chance.choices((*PATHS, None), (1, 12, 8, 12, 10, 12))[0]
        text = self._one(MANY if number is None else PATHS[number])
        return Made(text, said=frozenset(("steps",)) if text.startswith(("step", "seriesByTag")) else frozenset())

    def _fitting(self, name: str, deep: int, number: int | None = None) -> Made:
        """An argument of a function."""
        made = self._series(deep, number)
        while not made.suits(name):
            made = self._path(number)
        return made

    def _call(self, name: str, deep: int) -> Made:
        return self._special[name](name, deep) if name in self._special else self._written(name, [], deep)

    def _written(self, name: str, first: Sequence[Made], deep: int, rest: Sequence[str] | None = None) -> Made:
        """A call with these series first, then with `rest` or else with what the function takes besides."""
        parts = list(first)
        texts = self._arguments(name, deep, parts) if rest is None else list(rest)
        # With names alone graphite-web takes no arguments behind a pipe.
        piped = bool(first) and (not texts or "=" not in texts[0]) and self._often(0.1)
        inner = ",".join([*(part.text for part in first[1 if piped else 0 :]), *texts])
        said = {word for word, names in GIVES.items() if name in names}.union(*(part.said for part in parts))
        if any("count" in text for text in texts):
            said.add("whole")
        return Made(
            f"{first[0].text}|{name}({inner})" if piped else f"{name}({inner})",
            tuple(parts),
            frozenset(said | {"once"} if piped else said),
        )

    def _arguments(self, name: str, deep: int, parts: list[Made]) -> list[str]:
        """What a function takes besides the series that are there; further series are added to them."""
        arguments: list[str] = []
        by_name = False
        for param in self._known[name]["params"][len(parts) :]:
            required, multiple = bool(param.get("required")), bool(param.get("multiple"))
            series = param["type"] == "seriesList"
            placed = required or multiple or series or param["name"] in BY_PLACE
            if (by_name and placed) or not (required or param["name"] in EXPECTED or self._often(0.5)):
                # What follows cannot be told by its place.
                by_name = True
                continue
            by_name = by_name or not (placed or self._often(0.7))
            for _ in range(self._chance.randint(1, 3) if multiple else 1):
                if series:
                    parts.append(self._fitting(name, deep - 1))
                told = parts[-1].text if series else self._value(name, param)
                arguments.append(f"{param['name']}={told}" if by_name else told)
        return arguments

    def _value(self, name: str, param: Mapping[str, Any]) -> str:
        for key in (f"{name}.{param['name']}", param["name"], f":{param['type']}"):
            if key in VALUES:
                return str(self._one(VALUES[key]))
        raise KeyError(f"{name}: nothing is given for the parameter {param['name']} of type {param['type']}")

    # Functions whose arguments depend on each other.

    def _of_number(self, name: str, deep: int, *, number: int) -> Made:
        return self._written(name, [self._fitting(name, deep - 1, number)], deep)

    def _paired(self, name: str, deep: int) -> Made:
        number = self._one((1, 2, 3, 6))
        return self._written(name, [self._fitting(name, deep - 1, number) for _ in range(2)], deep)

    def _divided(self, name: str, deep: int) -> Made:
        return self._written(name, [self._fitting(name, deep - 1), self._fitting(name, deep - 1, 1)], deep, ())

    def _percent(self, name: str, deep: int) -> Made:
        kind = self._one(("sum", "number", "one", "nodes", "pairs"))
        if kind == "pairs":
            number = self._one((2, 3, 6))
            return self._written(name, [self._fitting(name, deep - 1, number) for _ in range(2)], deep, ())
        if kind == "nodes":
            return self._written(name, [self._series(deep - 1)], deep, ("None", self._one(("0", "1", '"site"'))))
        part = self._fitting(name, deep - 1)
        if kind == "one":
            return self._written(name, [part, self._fitting(name, deep - 1, 1)], deep, ())
        return self._written(name, [part], deep, ("100",) if kind == "number" else ())

    def _exp(self, name: str, deep: int) -> Made:
        # Of what lies between 0 and 1: beyond 709 there is no answer.
        within = self._written("minMax", [self._series(deep - 2)], deep - 1) if deep > 1 else Made("line.wave")
        return self._written(name, [within], deep)

    def _by_tag(self, name: str, deep: int) -> Made:
        return Made(f"{name}({','.join(self._one(TAGGED))})", said=frozenset(("steps",)))

    def _by_tags(self, name: str, deep: int) -> Made:
        tagged = self._by_tag("seriesByTag", 1)
        if deep > 2:
            tagged = self._written(self._one([one for one in self._one_each if tagged.suits(one)]), [tagged], 1)
        return self._written(name, [tagged], deep)

    def _by_node(self, name: str, deep: int) -> Made:
        inner = Made(self._one(("%.cpu.user", "%.cpu.*")))
        for _ in range(deep - 1):
            inner = self._written(self._one([one for one in self._one_each if inner.suits(one)]), [inner], 1)
        target = inner.text.replace('"', "'")
        path = Made(self._one(("load.*.cpu.user", "load.*.cpu.*", "load.h1.cpu.*")))
        return self._written(name, [path], deep, ["1", f'"{target}"', *self._one(([], ['"% x"'], ['"a.%"']))])

    def _by_name(self, name: str, deep: int) -> Made:
        path, words = self._one(REPLACED)
        if name == "aliasQuery":
            return self._written(name, [Made(path)], deep, [words, self._one(_quoted("%d MHz", "%s", "v %.3f"))])
        return self._written(name, [Made(path)], deep, [self._one(("0", "20", "1000")), words])

    def _walked(self, name: str, deep: int) -> Made:
        # Its values are never the same twice; that they are there is.
        return self._written("isNonNull", [self._written(name, [], deep)], deep)

    def _reduced(self, name: str, deep: int) -> Made:
        mapping = name if name.startswith("map") else self._one(("map", "mapSeries"))
        reducing = name if name.startswith("reduce") else self._one(("reduce", "reduceSeries"))
        function = self._one(("sumSeries", "averageSeries", "divideSeries", "asPercent", "diffSeries", "maxSeries"))
        words = self._one(('"user","system"', '"system","user"'))
        return Made(f'{reducing}({mapping}(load.*.cpu.*,1),"{function}",{self._one(("3", "-1"))},{words})')

    def _regression(self, name: str, deep: int) -> Made:
        rest = self._one(([], ['"<middle>"'], ['"<from>"', '"<middle>"'], ['endSourceAt="<middle>"']))
        return self._written(name, [self._fitting(name, deep - 1)], deep, rest)

    def _sliced(self, name: str, deep: int) -> Made:
        rest = self._one((['"<middle>"', '"<until>"'], ['"<from>"', '"<middle>"']))
        return self._written(name, [self._series(deep - 1)], deep, rest)

    def _deviation(self, name: str, deep: int) -> Made:
        # Where values do not vary, only what rounding left of them is seen, and `x ** 2` is not always `x * x`.
        return self._written(
            name, [Made(self._one(("load.*.cpu.*", "count.*", "gap.*", "step.s20", "load.h1.cpu.user")))], deep
        )

    def _templated(self, made: Made) -> Made:
        if "load.*.cpu" not in made.text or "once" in made.said or not made.suits("template"):
            return made
        text = made.text.replace("load.*.cpu", "load.$host.cpu")
        return Made(f'template({text},host="{self._one(("*", "h1", "h[12]"))}")', (made,))
