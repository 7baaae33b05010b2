"""Series found by what the inventory knows of them: tags that are stored nowhere.

- A counter of a port of a switch has the tags `switch`, `port`, `cable` and, where that leads to a host, `host`.
- A counter of a port of an HCA has `host`, `hca`, `port` and `cable`.
- What is stored of a host itself has `host`.
- `what` is the counter, or the path below the host; so is `name`. Counters have `unit` and `mtype`, see `units.py`.
- `job` cuts to the runs of a job, whose hosts these are. A series has it only where it is asked for.

A host's link is counted at both of its ends: `hca!=` takes what the host counted, `switch!=` what the switch did. A
port that gets another cable is another series from then on, so every tag holds for all of a series; asked by `cable`,
the pieces follow the cable. Series are called as graphite-web calls tagged ones: `what;tag=value;...`, tags sorted.

Users see what their own runs' hosts had while these ran.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from weft.answers.answers import ALL_TIME, Answers
from weft.answers.cables import Ends, doubt_of
from weft.answers.census import Census, Selected
from weft.answers.directory import Directory
from weft.answers.jobs import MOST_RUNS
from weft.answers.named import Request, job_node, name_typed, tell_early
from weft.answers.people import held, host_times
from weft.answers.port_table import PORT_TAGS, PortTable, port_table
from weft.answers.shared import Shared
from weft.answers.stock import Stockroom, stored_hosts
from weft.answers.tag_question import WHAT_TAGS, Held, Hold, Question, parts_of, question_of
from weft.answers.units import UNIT_TAGS, Form
from weft.answers.virtual import Assembly, HostTemplate, counters
from weft.base.access import Viewer
from weft.base.intervals import Interval, graphite_window
from weft.fabric.names import safe
from weft.inventory.store import RunFilter
from weft.metrics.series import Window
from weft.metrics.store import VirtualSeries
from weft.metrics.tags import TagExpression, met, tagged_name
from weft.scheduler.model import Run

MOST_JOBS = 100
"""Jobs that a pattern for the tag `job` stands for."""
MOST_NAMES = 50_000
"""Series made for one question."""


class InventoryTags:
    """`metrics.store.TagResolver` over the inventory."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        settings = answers.site.settings
        self._template, self._cluster = HostTemplate(settings.hosts), settings.cluster
        self._stockroom = Stockroom(answers.site.metrics, self._template, self._cluster)
        self._tables: Shared[PortTable] = Shared("The table of ports", 1, answers.site.patience_s)
        self._known_hosts: tuple[int, _Hosts] | None = None
        self._census: Census | None = None

    # -- series --------------------------------------------------------------------------------------------------------

    async def tagged(
        self, expressions: Sequence[TagExpression], window: Window, viewer: Viewer
    ) -> tuple[list[VirtualSeries], list[str]]:
        """See TagResolver."""
        request = Request(graphite_window(window.from_s, window.until_s), viewer, window.now_s * 1000)
        question = question_of(expressions)
        if question is None:
            return [], []
        times = await self._held(question, request)
        found = [*await self._of_ports(question, times, request), *await self._of_hosts(question, times, request)]
        if len(found) > MOST_NAMES:
            request.tell(f"More than {MOST_NAMES} series have these tags: ask for fewer.")
        return sorted(found[:MOST_NAMES], key=lambda one: one.name), list(request.notices)

    async def _of_ports(self, question: Question, times: Held | None, request: Request) -> list[VirtualSeries]:
        """Counters of ports, each for as long as its tags held."""
        table = await self.table()
        mask = table.meeting(question.ports, request.window)
        if times is not None:
            mask &= table.columns["host"].among(times)
        rows = np.flatnonzero(mask).tolist()
        if not rows:
            return []
        what = question.named
        guids = {table.ports[table.places[row]].guid for row in rows}
        stored = await counters(
            self._answers.site.metrics, guids, "*", what if what and "." not in what else "*", request.tell
        )
        forms = _Forms(question)
        assembly = Assembly()
        for row in rows:
            kept = stored.get(table.ports[table.places[row]])
            if not kept:
                continue
            own, span = table.tags_of(row), table.span(row)
            for counter, series in kept:
                if (form := forms.of(counter)) is None:
                    continue
                tags = {**own, **form.tags, "what": counter}
                for job, part in parts_of(span, times, own.get("host", "")):
                    _add(assembly, series, part, {**tags, "job": job} if job else tags)
            self._tell_doubt(question, table, row, request)
            if len(assembly) > MOST_NAMES:
                break
        found = [_told(one, forms.of(one.tags["what"])) for one in assembly.series()]
        if any("hca" in one.tags for one in found) and any("switch" in one.tags for one in found):
            request.tell(
                "Links of hosts are counted at both ends: add hca!= for the hosts' side, switch!= for the other."
            )
        for fabric in await self._answers.fabrics() if found else ():
            tell_early(self._answers, request, fabric)
        return found

    def _tell_doubt(self, question: Question, table: PortTable, row: int, request: Request) -> None:
        """Where a cable was asked for that is one of two."""
        if row in table.ambiguous and any(one.tag == "cable" for one in question.ports):
            one = table.ambiguous[row]
            if doubt := doubt_of(self._answers, one.cable, Ends(one, one.a, one.b, True)):
                request.tell(doubt)

    async def _of_hosts(self, question: Question, times: Held | None, request: Request) -> list[VirtualSeries]:
        """What is stored of hosts themselves."""
        if not question.of_hosts:
            return []
        clusters = {self._cluster} if times is None else {one.cluster for own in times.values() for one in own}
        assembly = Assembly()
        for cluster in sorted(clusters):
            chosen = await self._hosts_met(question, times, cluster)
            if not chosen:
                continue
            pattern = self._template.pattern(cluster, chosen, question.named or "**")
            below: dict[str, list[tuple[str, str]]] = {}
            for stored in await self._answers.site.metrics.expand(pattern, request.tell):
                split = self._template.split(stored, cluster)
                if split is not None and split[0] in chosen and ";" not in stored:
                    below.setdefault(split[1], []).append((chosen[split[0]], stored))
            paths = list(below)
            for path, meets in zip(paths, question.whats_met(paths), strict=True):
                for host, stored in dict(reversed(below[path])).items() if meets else ():
                    tags = {"host": host, "what": path}
                    for job, part in parts_of(ALL_TIME, times, host, cluster):
                        _add(assembly, stored, part, {**tags, "job": job} if job else tags)
        return assembly.series()

    async def _hosts_met(self, question: Question, times: Held | None, cluster: str) -> dict[str, str]:
        """Hosts that are meant, as they are stored and as they are called."""
        known = await self._hosts()
        hosts = {
            node: known.called(node) for node in await stored_hosts(self._answers.site.metrics, self._template, cluster)
        }
        if times is not None:
            hosts = {node: host for node, host in hosts.items() if host in times}
        for one in question.hosts:
            called = sorted(set(hosts.values()))
            meeting = {host for host, meets in zip(called, met(one, called), strict=True) if meets}
            hosts = {node: host for node, host in hosts.items() if host in meeting}
        return hosts

    # -- pickers -------------------------------------------------------------------------------------------------------

    async def tags(
        self, expressions: Sequence[TagExpression], prefix: str, window: Window, viewer: Viewer
    ) -> list[str]:
        """See TagResolver. `job` is among them where a run that the viewer may see had such series."""
        request = Request(graphite_window(window.from_s, window.until_s), viewer, window.now_s * 1000)
        question = question_of(expressions)
        if question is None:
            return []
        selected = await self._selected(question, request)
        found = selected.tags()
        if found and "job".startswith(prefix) and await self._job_counts(question, selected, request):
            found.add("job")
        return sorted(tag for tag in found - {one.tag for one in expressions} if tag.startswith(prefix))

    async def tag_values(
        self, tag: str, expressions: Sequence[TagExpression], prefix: str, window: Window, viewer: Viewer
    ) -> list[tuple[str, int]]:
        """See TagResolver. Of `job` the newest MOST_JOBS."""
        request = Request(graphite_window(window.from_s, window.until_s), viewer, window.now_s * 1000)
        question = question_of(expressions)
        if question is None or tag not in {*PORT_TAGS, *WHAT_TAGS, *UNIT_TAGS, "job"}:
            return []
        selected = await self._selected(question, request)
        counts = await self._job_counts(question, selected, request) if tag == "job" else selected.values(tag)
        return sorted((value, count) for value, count in counts.items() if count and value.startswith(prefix))

    async def _job_counts(self, question: Question, selected: Selected, request: Request) -> Mapping[str, int]:
        """How many of the series the runs of each job have: of the jobs asked for, or of those a picker shows."""
        if not question.jobs:
            await self._name_window(request, ())
        known = await self._hosts()
        runs = [(job, span, known.keys_of(run)) for job, own in request.named.items() for run, span in _started(own)]
        by_host = selected.by_host({key for _, _, keys in runs for key in keys})
        counts: dict[str, int] = {}
        for job, span, keys in runs:
            there = (count for key in keys for own, count in by_host.get(key, ()) if own.overlaps(span))
            counts[job] = counts.get(job, 0) + sum(there)
        return counts

    async def _selected(self, question: Question, request: Request) -> Selected:
        times = await self._held(question, request)
        table = await self.table()
        stock = await self._stockroom.stock(port.guid for port in table.ports)
        if self._census is None or self._census.table is not table or self._census.stock is not stock:
            self._census = Census(table, stock, (await self._hosts()).called)
        return self._census.selected(question, times, request.window)

    # -- hosts and jobs ------------------------------------------------------------------------------------------------

    async def table(self) -> PortTable:
        """The ports as the inventory knows them now."""
        version = await self._answers.site.fabrics.version()
        return await self._tables.get(version, lambda: port_table(self._answers))

    async def close(self) -> None:
        """End what is being made."""
        await self._tables.close()

    async def _hosts(self) -> "_Hosts":
        version = await self._answers.site.fabrics.version()
        if self._known_hosts is None or self._known_hosts[0] != version:
            fabrics = await self._answers.fabrics()
            self._known_hosts = version, _Hosts([await self._answers.directory(fabric.name) for fabric in fabrics])
        return self._known_hosts[1]

    async def _held(self, question: Question, request: Request) -> Held | None:
        """Which hosts are meant, and for which times; None: nobody's runs limit it."""
        found: dict[str, list[Hold]] = {}
        known = await self._hosts()
        if question.jobs:
            await self._name_jobs(question.jobs, request)
            for job, runs in request.named.items():
                for run, span in _started(runs):
                    for key in known.keys_of(run):
                        found.setdefault(key, []).append(Hold(job, run.key.cluster, span))
            return found
        times = await host_times(self._answers, request.viewer, request.window)
        if times is None:
            return None
        for host, spans in times.items():
            for key in known.keys(host):
                found.setdefault(key, []).extend(Hold("", self._cluster, span) for span in spans)
        return found

    async def _name_jobs(self, asked: Sequence[TagExpression], request: Request) -> None:
        """Name the runs whose jobs meet what is asked: one by its name, or of a pattern the newest of the window."""
        typed = next((one.spec for one in asked if one.operator == "="), None)
        if typed is None:
            await self._name_window(request, asked)
        elif all(met(one, [typed])[0] for one in asked):
            await name_typed(self._answers, request, typed)

    async def _name_window(self, request: Request, asked: Sequence[TagExpression]) -> None:
        """Name the newest runs of the window that the viewer may see and whose jobs meet what is asked."""
        users = () if request.viewer.operator else (request.viewer.who,)
        page = await self._answers.site.jobs.runs(RunFilter(window=request.window, users=users), limit=MOST_RUNS)
        named: dict[str, list[Run]] = {}
        for run in page.items:
            named.setdefault(job_node(run, self._cluster), []).append(run)
        jobs = list(named)
        for one in asked:
            jobs = [job for job, meets in zip(jobs, met(one, jobs), strict=True) if meets]
        if len(jobs) > MOST_JOBS or page.cursor is not None:
            request.tell(f"The tag job stands for at most {MOST_JOBS} of the newest {MOST_RUNS} runs of the window.")
        request.named.update((job, named[job]) for job in jobs[:MOST_JOBS])


class _Hosts:
    """How hosts are called in tags: as the fabric writes them, where it knows them."""

    def __init__(self, directories: Sequence[Directory]) -> None:
        self._directories = directories
        self._known: dict[str, str | None] = {}

    def called(self, node: str) -> str:
        """A host's name from how it is stored."""
        return self._own(node) or node

    def keys(self, host: str) -> Sequence[str]:
        """What a run's host may be called: one name, or where no fabric knows it by its short one too."""
        own = self._own(host)
        return (own,) if own is not None else (safe(host), safe(host.partition(".")[0]))

    def keys_of(self, run: Run) -> set[str]:
        """What the hosts of a run may be called."""
        return {key for host in run.hosts for key in self.keys(host)}

    def _own(self, host: str) -> str | None:
        if host not in self._known:
            if len(self._known) > MOST_NAMES:
                self._known.clear()
            found = next((name for one in self._directories if (name := one.find_host(host)) is not None), None)
            self._known[host] = None if found is None else safe(found)
        return self._known[host]


def _started(runs: Iterable[Run]) -> Iterator[tuple[Run, Interval]]:
    """The runs that had their hosts, and when."""
    for run in runs:
        if (span := held(run)) is not None:
            yield run, span


class _Forms:
    """The form of each counter that meets a question, looked up once."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._known: dict[str, Form | None] = {}

    def of(self, counter: str) -> Form | None:
        """None: the counter does not meet it."""
        if counter not in self._known:
            meets = bool(self._question.whats_met([counter])[0])
            self._known[counter] = self._question.form_of(counter) if meets else None
        return self._known[counter]


def _add(assembly: Assembly, stored: str, span: Interval, tags: dict[str, str]) -> None:
    named = {**tags, "name": tags["what"]}
    assembly.add(tagged_name(named), stored, span, named)


def _told(one: VirtualSeries, form: Form | None) -> VirtualSeries:
    return one if form is None else replace(one, factor=form.factor, rate=form.rate)
