"""Requests that nobody should send, made by a seed: every function and parameter with what it should never get, and
every other way of asking for too much that we could think of.

The words are in data/hostile-words.json: a text, or pieces `[text, times]` of one. In a text, `<word>` is one of the
words of that name, `<word,n>` the same one n times with commas between, `<word*n>` without. What was thought of by hand
is in data/hostile.json.
"""

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from api.site import NOW_S
from weft.metrics.functions import registry

DATA = Path(__file__).parents[1] / "data"
MOST_URL = 50_000
"""Longer ones are refused by servers before we see them."""
PIES = ("pieAverage", "pieMaximum", "pieMinimum")
PATHS = ("render", "render", "render", "render", "metrics/find", "metrics/expand", "metrics/index.json", "metrics",
         "functions", "version", "events/get_data", "tags/autoComplete/tags", "tags/autoComplete/values",
         "tags/findSeries", "tags", "dashboard/find", "browser", "render/%2e%2e/%2e%2e/etc/passwd")  # fmt: skip

Form = Sequence[tuple[str, str]]
Chance = random.Random
NORMAL: Form = (("from", str(NOW_S - 3600)), ("until", str(NOW_S)), ("now", str(NOW_S)))


class Request(NamedTuple):
    """A request.

    Args:
        kind: what is hostile about it. path: below /graphite. form: parameters, each as often as it stands there.
        body: instead of a form. headers: of the body.
    """

    kind: str
    path: str
    form: Form = ()
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"

    def sent(self) -> tuple[str, str, bytes | None, dict[bytes, bytes]]:
        """Method, path, body and headers."""
        headers = {name.encode(): value.encode("utf-8", "replace") for name, value in self.headers}
        if self.body is not None:
            return "POST", self.path, self.body, headers
        form = urlencode(list(self.form), errors="surrogatepass")
        if self.method == "GET" and len(form) < MOST_URL:
            return "GET", f"{self.path}?{form}", None, headers
        return "POST", self.path, form.encode(), {b"content-type": b"application/x-www-form-urlencoded", **headers}

    def shown(self) -> str:
        """For a person."""
        return f"{self.kind}: {self.path} {str(self.form)[:400]}{str(self.body or '')[:120]}"


def _joined(value: Any) -> str:
    return value if isinstance(value, str) else "".join(text * times for text, times in value)


WORDS: dict[str, list[str]] = {
    name: [_joined(value) for value in values]
    for name, values in json.loads((DATA / "hostile-words.json").read_text()).items()
}
_PLACE = re.compile(r"<([a-z]+)(?:([,*])([0-9]+|depth))?>")

BY_TYPE: dict[str, Sequence[str]] = {
    **dict.fromkeys(("float", "integer", "number", "intOrInf"), WORDS["numbers"]),
    **dict.fromkeys(("node", "nodeOrTag", "tag"), WORDS["nodes"]),
    **dict.fromkeys(("series", "seriesList", "seriesLists"), WORDS["names"]),
    **dict.fromkeys(("aggFunc", "aggOrSeriesFunc"), WORDS["funcs"]),
    "any": (*WORDS["names"], *WORDS["numbers"]),
    "boolean": WORDS["booleans"],
    "date": WORDS["dates"],
    "interval": WORDS["lengths"],
    "intOrInterval": (*WORDS["numbers"], *WORDS["lengths"]),
}
"""What a parameter of a type gets."""
BY_NAME = {"search": "patterns", "pattern": "patterns", "replace": "replacements", "templateFunction": "targets",
           "reduceFunction": "reducefunction", "tagExpressions": "tagexpressions", "system": "system"}  # fmt: skip
"""Which words a text gets, where those of others do not suit its name."""
CLOSES = {"sum": ")", "group": ")", "absolute": ")", "template": ")", "nosuch": ")", "alias": ",'x')",
          "timeShift": ",'1h')", "movingAverage": ",5)", "smartSummarize": ",'1min')"}  # fmt: skip
"""How a call of these ends."""


def _quoted(text: str) -> str:
    """A text in the quotes that it does not hold."""
    return f'"{text}"' if "'" in text else f"'{text}'"


def filled(chance: Chance, text: str, more: dict[str, Sequence[str]] | None = None) -> str:
    """A text with a word in each place; `more`: words besides those of the file."""
    words = WORDS | {
        "search": [_quoted(chance.choice(WORDS["patterns"]))],
        "replace": [_quoted(chance.choice(WORDS["replacements"]))],
        "tagged": [_quoted(f"host=~{chance.choice(WORDS['patterns'])}")],
        "targets": [_quoted(chance.choice(WORDS["targets"]))],
    }
    known: dict[str, Sequence[str]] = {**words, **(more or {})}

    def word(found: re.Match[str]) -> str:
        if found[1] not in known:
            return found[0]
        one = filled(chance, chance.choice(known[found[1]]), more)
        times = int(known["depth"][0] if found[3] == "depth" else found[3] or 1)
        return ("," if found[2] == "," else "").join([one] * times)

    return _PLACE.sub(word, text)


def call(chance: Chance, made: registry.Function, like: str) -> str:
    """A call of a function with odd arguments, mostly of the right type; `like`: series for those that take some."""
    args: list[str] = []
    for param in made.params:
        if not param.required and chance.random() < 0.3:
            break
        for _ in range(chance.choice((0, 1, 1, 2, 3, 40)) if param.multiple else 1):
            if chance.random() < 0.06:
                args.append(chance.choice((*WORDS["numbers"], *WORDS["lengths"], *WORDS["names"])))
            elif param.type.startswith("series") and chance.random() < 0.6:
                args.append(like)
            elif param.type == "string":
                args.append(_quoted(chance.choice(WORDS[BY_NAME.get(param.name, "texts")])))
            else:
                args.append(chance.choice(BY_TYPE[param.type]))
    return f"{made.name}({','.join(args)})"


def rendered(kind: str, chance: Chance, *targets: str, shown: bool = True) -> Request:
    """A request for targets: of an hour or of much more, in the form that Grafana asks for or in any other."""
    since = str(NOW_S - chance.choice((60, 3600, 86_400, 604_800, 86_400 * 366, 86_400 * 3650, NOW_S)))
    span: Form = NORMAL if chance.random() < 0.4 else (("from", since), *NORMAL[1:])
    form: Form = (("maxDataPoints", "500"),)
    if chance.random() < 0.4:
        form = (("format", chance.choice(WORDS["formats"][:4])), ("pretty", chance.choice("01")))
    return Request(kind, "render", (*(("target", target) for target in targets), *span, *(form if shown else ())))


def of_functions(chance: Chance) -> Iterator[Request]:
    """Every function by turns, with everything."""
    functions = [registry.lookup(name) for name in (*sorted(registry.described()), *PIES)]
    while True:
        chance.shuffle(functions)
        for made in functions:
            yield rendered("functions", chance, call(chance, made, chance.choice(WORDS["names"])))


def of_nests(chance: Chance) -> Iterator[Request]:
    """Functions within functions, up to ten deep."""
    functions = [registry.lookup(name) for name in sorted(registry.described())]
    while True:
        target = chance.choice(WORDS["names"])
        for _ in range(chance.randint(2, 10)):
            target = call(chance, chance.choice(functions), target)
        yield rendered("nests", chance, target)


def of_depths(chance: Chance) -> Iterator[Request]:
    """Depth bombs, closed and not."""
    while True:
        name, depth = chance.choice(list(CLOSES)), chance.choice(WORDS["depth"])
        more = {
            "depth": [depth],
            "open": [f"{name}("],
            "close": [CLOSES[name]],
            "pipe": [f"|{name}({CLOSES[name].lstrip(',')}"],
            "calls": [f"{name}(wide.*.*.load{CLOSES[name]}"],
            "wide": ["wide.*.*.load"],
            **{"left": ["("], "right": [")"], "quote": ["'"], "backslash": ["\\"], "blank": [" "]},
        }
        yield rendered("depths", chance, filled(chance, chance.choice(WORDS["depths"]), more))


def _of_words(kind: str, name: str) -> Callable[[Chance], Iterator[Request]]:
    """Targets made of the texts of this name."""

    def make(chance: Chance) -> Iterator[Request]:
        while True:
            yield rendered(kind, chance, filled(chance, chance.choice(WORDS[name])))

    return make


def of_globs(chance: Chance) -> Iterator[Request]:
    """Find patterns, everywhere that one may stand."""
    while True:
        glob = filled(chance, chance.choice(WORDS["globs"]))
        if chance.random() < 0.3:
            nodes = (*WORDS["globs"], "wide", "*", "*", "load", "**")
            glob = ".".join(filled(chance, chance.choice(nodes)) for _ in range(chance.randint(2, 6)))
        path = chance.choice(("render", "metrics/find", "metrics/find", "metrics/expand", "metrics"))
        if path == "render":
            yield rendered("globs", chance, glob, shown=False)
            continue
        flag = chance.choice(("wildcards", "automatic_variants", "leavesOnly", "groupByExpr"))
        yield Request("globs", path, (("query", glob), ("format", chance.choice(WORDS["formats"])), (flag, "1")))


def of_parameters(chance: Chance) -> Iterator[Request]:
    """Odd and repeated parameters of a request."""
    words = {
        **dict.fromkeys(("from", "until", "now", "cacheTimeout"), "moments"),
        **dict.fromkeys(("target", "target[]", "query"), "globs"),
        **dict.fromkeys(("width", "limit", "noNullPoints", "pretty", "rawData", "leavesOnly"), "numbers"),
        **dict.fromkeys(
            ("tags", "tag", "tagPrefix", "valuePrefix", "path", "template[a]", "template[]", "\x00"), "texts"
        ),
        **{"tz": "zones", "maxDataPoints": "points", "xFilesFactor": "shares", "format": "formats"},
        **{
            "expr": "tagexpressions",
            "jsonp": "replacements",
            "set": "callbacks",
            "graphType": "callbacks",
            "": "texts",
        },
    }
    while True:
        target = chance.choice(("wide.g0.h00.load", "template(wide.$a.*.load,a='*')", "events('*')"))
        form = [("target", target), ("query", "*")]
        for _ in range(chance.randint(1, 6)):
            name = chance.choice(list(words))
            form += [(name, filled(chance, chance.choice(WORDS[words[name]])))] * chance.choice((1, 1, 1, 2, 50))
        yield Request("parameters", chance.choice(PATHS), form, method=chance.choice(("POST", "GET")))


def of_many(chance: Chance) -> Iterator[Request]:
    """Many targets, each at its limit."""
    while True:
        one = chance.choice(WORDS["targets made of numbers"])
        yield rendered("many", chance, *(one.replace("<n>", str(n)) for n in range(int(chance.choice(WORDS["many"])))))


def of_wires(chance: Chance) -> Iterator[Request]:
    """Bodies that are none of what they should be."""
    part = b'--x\r\nContent-Disposition: form-data; name="target"\r\n\r\nwide.*.*.load\r\n'
    bodies = (
        b"target=\xff\xfe", b"target=%ff%fe%00", "target=wide.g0.h00.load".encode("utf-16"), b"\x1f\x8b" + bytes(999),
        b"target=x&" * 100_000, b"&" * 2_000_000, b"=" * 2_000_000, b"a=b&" * 900_000, b"target=" + b"%" * 1_000_000,
        b"".join(b"k%d=v&" % n for n in range(300_000)), b"target=" + b"(" * 3_000_000, b"target=" + b"+" * 3_000_000,
        b"target=" + b"{a,b}" * 500_000, b" " * 10_000_000, b"target=" + b"x" * 10_000_000, b"[" * 1_000_000, b"",
        b'{"target": "wide.*.*.load"}', part + b"--x--\r\n", part * 20_000, b"--x\r\n" * 300_000, bytes(100_000),
        b"query=a.{b,c}.*&from=-1h", b"target=wide.g0.h00.load",
    )  # fmt: skip
    form = "application/x-www-form-urlencoded"
    kinds = (form, form, form, "multipart/form-data; boundary=x", "multipart/form-data",
             "multipart/form-data; boundary=", "application/json", "text/plain", "\xff" * 100)  # fmt: skip
    odd = (("content-encoding", "gzip"), ("x-grafana-user", "x" * 5000), ("referer", "http://["), ("host", "a" * 200),
           ("origin", "http://evil.example"), ("accept", "*/*"), ("accept", "*/*"))  # fmt: skip
    paths = (
        "render",
        "metrics/find",
        "metrics/expand",
        "events/get_data",
        "tags/tagSeries",
        "tags/delSeries",
        "events",
    )
    while True:
        headers = (("content-type", chance.choice(kinds)), chance.choice(odd))
        yield Request("wires", chance.choice(paths), body=chance.choice(bodies), headers=headers)


KINDS: dict[str, tuple[Callable[[Chance], Iterator[Request]], int]] = {
    "functions": (of_functions, 40),
    "nests": (of_nests, 12),
    "depths": (of_depths, 5),
    "patterns": (_of_words("patterns", "patterned"), 7),
    "globs": (of_globs, 8),
    "blow-ups": (_of_words("blow-ups", "blowups"), 10),
    "parameters": (of_parameters, 8),
    "many": (of_many, 2),
    "made-up": (_of_words("made-up", "madeup"), 5),
    "wires": (of_wires, 3),
}
"""How each kind is made, and its share of a hundred."""


def made(seed: int, number: int) -> Iterator[Request]:
    """So many of every kind, in turns; the same for the same seed."""
    turns = {kind: make(random.Random(f"{seed} {kind}")) for kind, (make, _) in KINDS.items()}
    order = [kind for kind, (_, share) in KINDS.items() for _ in range(share)]
    random.Random(seed).shuffle(order)
    for place in range(number):
        yield next(turns[order[place % len(order)]])


class ByHand(NamedTuple):
    """A request that somebody thought of.

    Args:
        about: what it tries. status: of the answer. says: words in it.
    """

    about: str
    request: Request
    status: int
    says: str


def by_hand() -> list[ByHand]:
    """Those of data/hostile.json: a path below /graphite (render) and a form; the hour before now is asked for where it
    does not say `from`."""
    found = []
    for told in json.loads((DATA / "hostile.json").read_text()):
        form = {name: told[name] for name in ("target", "query") if name in told} | told.get("form", {})
        pairs = [(name, _joined(value)) for name, value in form.items()]
        hour = [(name, value) for name, value in NORMAL if name not in form]
        request = Request("by hand", told.get("path", "render"), [*pairs, *hour])
        found.append(ByHand(told["about"], request, told["status"], told.get("says", "")))
    return found
