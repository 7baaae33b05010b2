"""A Grafana as far as its dashboards ask: every query of a board, sent as the data source of its panel sends it.

Sources: Grafana 10.1's Graphite data source (POST /render, a form), simPod's JSON data source since 0.4 (/query, and
/variable), the plugin's own data source (grafana-plugin/src/datasource).
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, NamedTuple

import httpx

from weft.answers.requests import parse_request
from weft.base.intervals import iso, parse_moment

POINTS, WIDTH = 600, 1200
"""Points of a graph as wide as half a screen, and pixels of a whole one, which is what annotations ask for."""
MOST_ROWS, MOST_LINES, MOST_OF_TOPOLOGY = 10_000, 1000, 100_000
NO_EVENT = "Nothing happened."
"""What a graph says without marks."""
TOPOLOGY = ("fabric", "fabric/levels", "hosts", "fabric/vanished", "fabric/degraded")

_AGO = re.compile(r"now(?:-(\d+)([mhd]))?")
_SECONDS = {"m": 60, "h": 3600, "d": 86400}


class Span(NamedTuple):
    """The time range of a board, epoch ms."""

    from_ms: int
    to_ms: int

    @classmethod
    def of(cls, board: Mapping[str, Any]) -> "Span":
        """What it stands on when it is opened."""
        return cls(*(_moment(board["time"][end]) for end in ("from", "to")))

    def iso(self) -> dict[str, str | None]:
        """As a JSON data source sends it."""
        return {"from": iso(self.from_ms), "to": iso(self.to_ms)}


def _moment(text: str) -> int:
    if text.endswith("Z"):
        return parse_moment(text, UTC)
    ago = _AGO.fullmatch(text)
    assert ago is not None, f"Grafana reads no time in {text}"
    return time.time_ns() // 1_000_000 - int(ago[1] or 0) * _SECONDS[ago[2] or "m"] * 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of a board and how it was answered.

    Args:
        kind: the board's uid, that of any job `weft-job`. board: its title and the values of its variables.
        place: the panel's title and the query's refId, or the annotation's name.
        found: points that are not null, rows, lines or events.
        empty: what the board says where nothing is found; "": it expects something. says: notices, or the error.
    """

    kind: str
    board: str
    place: str
    text: str
    status: int
    found: int
    empty: str
    says: str

    def __str__(self) -> str:
        return f"{self.board} · {self.place} · {self.text}: {self.status}, {self.found} found. {self.says}".rstrip()


@dataclass(frozen=True, slots=True)
class Grafana:
    """Asks a server on `client`; `counting`: the tables of its catalogue that count in steps."""

    client: httpx.Client
    counting: frozenset[str] = field(default=frozenset())

    def values(self, board: Mapping[str, Any], name: str) -> list[str]:
        """Values of a variable of a board, of each what its regular expression takes as such."""
        (one,) = (one for one in board["templating"]["list"] if one["name"] == name)
        text = one["query"]["text"] if "text" in one["query"] else one["query"]["query"]
        told = self.client.post("/json/variable", json={"payload": {"target": text}, "range": Span.of(board).iso()})
        values = [value["__value"] for value in told.raise_for_status().json()]
        if not one.get("regex"):
            return values
        taken = re.compile(one["regex"].strip("/").replace("(?<", "(?P<"))
        return [found["value"] for value in values if (found := taken.search(value))]

    def asks(self, board: Mapping[str, Any], filled: Mapping[str, str]) -> Iterator[Asked]:
        """Every query of a board, with these values of its variables."""
        span, title = Span.of(board), " ".join([board["title"], *filled.values()])
        kind = "weft-job" if "weft-job" in board["tags"] else board["uid"]
        for panel in board["panels"]:
            empty = panel.get("fieldConfig", {}).get("defaults", {}).get("noValue", "")
            points = panel.get("maxDataPoints", POINTS)
            for target in panel.get("targets", ()):
                text, status, found, says = self.answer(put(target, filled), span, points)
                place = f"{panel['title']} {target['refId']}"
                yield Asked(kind, title, place, text, status, found, empty, says)
        for mark in board["annotations"]["list"]:
            target = {**put(mark["target"], filled), "datasource": mark["datasource"]}
            text, status, found, says = self.answer(target, span, WIDTH)
            yield Asked(kind, title, f"annotation {mark['name']}", text, status, found, NO_EVENT, says)

    def answer(self, target: Mapping[str, Any], span: Span, points: int) -> tuple[str, int, int, str]:
        """A target's text; status of the answer, how much was found, and what it says."""
        kind = target["datasource"]["type"]
        if kind == "graphite":
            told = self.client.post("/graphite/render", data=form(target["target"], span, points))
            return target["target"], *read(told, _points)
        if kind == "simpod-json-datasource":
            body = {"targets": [{**target, "payload": {}}], "range": span.iso(), "maxDataPoints": points}
            return target["target"], *read(self.client.post("/json/query", json=body), _members)
        how = {"logs": self._logs, "nodes": self._nodes, "topology": self._topology, "annotations": self._events}
        return target["text"], *how.get(target["queryType"], self._either)(target["text"], span, points)

    def _either(self, text: str, span: Span, points: int) -> tuple[int, int, str]:
        params = {"step": 60} if text.split()[0] in self.counting else {}
        body = {"q": text, "params": params, "from": span.from_ms, "to": span.to_ms, "maxDataPoints": points,
                "limit": MOST_ROWS, "filters": []}  # fmt: skip
        return read(self.client.post("/api/v1/query", json=body), _told)

    def _logs(self, text: str, span: Span, points: int) -> tuple[int, int, str]:
        params = {**parse_request(text)[1], "from": span.from_ms, "to": span.to_ms, "limit": MOST_LINES}
        return read(self.client.get("/api/v1/logs/search", params=params), _told)

    def _nodes(self, text: str, span: Span, points: int) -> tuple[int, int, str]:
        return self._either(text, span, points)

    def _events(self, text: str, span: Span, points: int) -> tuple[int, int, str]:
        params = {"query": text, "from": span.from_ms, "to": span.to_ms, "limit": MOST_LINES}
        return read(self.client.get("/api/v1/annotations", params=params), _told)

    def _topology(self, text: str, span: Span, points: int) -> tuple[int, int, str]:
        """The parts of the picture; what is found are the links, and the ports of the run where one is meant."""
        job = parse_request(text)[1].get("job")
        at = {"at": span.to_ms, "limit": MOST_OF_TOPOLOGY}
        told = [self.client.get(f"/api/v1/{part}", params=at) for part in TOPOLOGY]
        ofjob = [{"q": part, "job": job, "limit": MOST_OF_TOPOLOGY} for part in ("job_ports", "job_routes") if job]
        told += [self.client.get("/api/v1/query", params=params) for params in ofjob]
        status = max(one.status_code for one in told)
        if status != 200:
            return status, 0, " ".join(one.text for one in told if one.status_code != 200)
        found = [len(told[0].json()["links"]), *(len(one.json()["rows"]) for one in told[len(TOPOLOGY) :])]
        return status, min(found), ""


def put(target: Mapping[str, Any], filled: Mapping[str, str]) -> dict[str, Any]:
    """A target with variables put into its text."""
    changed = dict(target)
    for member in ("text", "target"):
        for name, value in filled.items():
            if member in changed:
                changed[member] = changed[member].replace(f"${name}", value)
    return changed


def form(target: str, span: Span, points: int) -> dict[str, str]:
    """What Grafana's Graphite data source sends."""
    from_s, until_s = span.from_ms // 1000, -(-span.to_ms // 1000)
    return {
        "target": target,
        "from": str(from_s),
        "until": str(until_s),
        "format": "json",
        "maxDataPoints": str(points),
    }


def read(told: httpx.Response, found: Callable[[Any], tuple[int, str]]) -> tuple[int, int, str]:
    """Status, how much was found, and what is said besides."""
    if told.status_code != 200:
        return told.status_code, 0, told.text
    return 200, *found(told.json())


def _points(series: Any) -> tuple[int, str]:
    return sum(value is not None for one in series for value, _ in one["datapoints"]), ""


def _told(answer: Any) -> tuple[int, str]:
    found = _points(answer["series"])[0] if "series" in answer else len(answer["rows"])
    return found, " ".join(answer["notices"])


def _members(members: Any) -> tuple[int, str]:
    """Frames, tables or series of a JSON data source."""
    found, says = 0, list[str]()
    for one in members:
        if "datapoints" in one:
            found += _points([one])[0]
        elif "fields" in one:
            found += len(one["fields"][0]["values"]) if one["fields"] else 0
        else:
            found += len(one["rows"])
        says += [notice["text"] for notice in one.get("meta", {}).get("notices", ())]
    return found, " ".join(says)
