"""Series whose names follow from the inventory: `job.*`, `switch.*`, `host.*`, `cable.*`.

- `job.<id>.hosts.<host>.<metric path>`: what is stored of the host, cut to the run.
- `job.<id>.ports.<switch>.<port>.<counter>`: the switch ports that the run's hosts hung on, cut to that time; tag
  `sharers`: how many other runs held the host meanwhile.
- `job.<id>.routes.<switch>.<port>.<counter>`: every switch port on the routes between them, at both ends of each link;
  tags `basis`: how sure that is (`host_link`, `static`, `possible`), of several the least, and `sharers`: how many
  other runs' packets crossed the port meanwhile, or may have.
- `switch.<name>.<port>.<counter>`, `host.<name>.ib.<hca>.<port>.<counter>`: stored by GUID, read by name. Before the
  first sweep of the fabric, names are those of the first sweep.
- `cable.<id>.<end>.<counter>`: follows the cable through every move; `b` is the end in an HCA, the other is `a`.

Names are made of `[A-Za-z0-9_-]`. A job is `4711`, `4711_5` (array task) or `4711-1` (part of a heterogeneous job,
typed 4711+1 elsewhere); a job of another than the site's own cluster is `<cluster>--4711`.
"""

from collections.abc import Iterable, Sequence

from weft.answers.answers import Answers
from weft.answers.cables import doubt_of, ends_of, kinds_of
from weft.answers.jobs import MOST_RUNS, Sharing
from weft.answers.named import Request, job_node, name_typed, tell_early
from weft.answers.people import held, host_times
from weft.answers.plugs import plugs_of
from weft.answers.routed import RANK, Basis, RunRoutes, RunShares
from weft.answers.routes import run_routes, run_shares
from weft.answers.virtual import (
    Assembly,
    HostSpot,
    HostTemplate,
    counter_paths,
    counters,
    fitted,
    in_window,
    job_host_series,
    switch_series,
)
from weft.base.access import Viewer
from weft.base.intervals import Interval, graphite_window
from weft.fabric.model import PortKey
from weft.fabric.names import safe
from weft.inventory.store import Connection, RunFilter
from weft.metrics.globs import Glob, nodes
from weft.metrics.series import Window
from weft.metrics.store import Found, VirtualSeries
from weft.scheduler.model import Run

KINDS = ("cable", "host", "job", "switch")
DEPTHS = {"cable": 4, "host": 6, "switch": 4}
"""Nodes in a name of each kind; a job's vary."""
MOST_TYPED = 8
"""Job ids looked up one by one in a request; more are looked for among the window's newest runs."""
MOST_NAMES = 50_000
"""Virtual names made for one pattern."""
PICKED_RUNS = 200
"""Ended runs that a picker shows after the running ones."""
MOST_PICKED = 5000
"""Nodes of one level that a picker shows."""


class InventoryNames:
    """`metrics.store.Resolver` over the inventory."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._prefix = tuple(node for node in answers.site.virtual_prefix.split(".") if node)
        self._template = HostTemplate(answers.site.settings.hosts)
        self.roots: tuple[str, ...] = self._prefix[:1] or KINDS

    async def resolve(
        self, patterns: Sequence[str], window: Window, viewer: Viewer
    ) -> tuple[list[list[VirtualSeries]], list[str]]:
        """For each pattern its series in the window, sorted by name, and notices; see `metrics.store.Resolver`."""
        request = Request(graphite_window(window.from_s, window.until_s), viewer, window.now_s * 1000)
        cut = [self._below_prefix(nodes(pattern)) for pattern in patterns]
        await self._name_runs(request, [p for p in cut if p and p[0].matches("job") and len(p) > 1])
        answers = []
        for pattern in cut:
            assembly = Assembly()
            for kind in KINDS:
                if pattern and pattern[0].matches(kind):
                    await self._resolve_kind(request, kind, pattern, assembly)
            answers.append(assembly.series())
        return answers, list(request.notices)

    async def find(self, pattern: str, window: Window, viewer: Viewer) -> list[Found]:
        """Virtual nodes that match, branches first; see `metrics.store.Resolver`."""
        request = Request(graphite_window(window.from_s, window.until_s), viewer, window.now_s * 1000)
        whole = nodes(pattern)
        if len(whole) <= len(self._prefix):
            if all(glob.matches(node) for glob, node in zip(whole, self._prefix, strict=False)):
                return [Found(".".join(self._prefix[: len(whole)]), False)]
            return []
        asked = self._below_prefix(whole)
        found: set[Found] = set()
        for kind in KINDS:
            if asked and asked[0].matches(kind):
                found |= set(await self._find_kind(request, kind, asked))
        return sorted(found, key=lambda f: (f.leaf, f.path))[:MOST_PICKED]

    def _below_prefix(self, pattern: Sequence[Glob]) -> list[Glob]:
        """The pattern without the virtual prefix; empty: it lies elsewhere."""
        n = len(self._prefix)
        if len(pattern) <= n or not all(g.matches(p) for g, p in zip(pattern, self._prefix, strict=False)):
            return []
        return list(pattern[n:])

    def _name(self, *parts: str) -> str:
        return ".".join((*self._prefix, *parts))

    async def _resolve_kind(self, request: Request, kind: str, pattern: list[Glob], assembly: Assembly) -> None:
        if kind == "job":
            await self._job(request, pattern, assembly)
            return
        exact = fitted(pattern, DEPTHS[kind])
        if exact is None:
            return
        if kind == "host":
            await self._hosts(request, exact, assembly)
        elif not request.viewer.operator:
            request.tell(f"{kind}.* is for operators.")
        elif kind == "switch":
            await self._switches(request, exact, assembly)
        else:
            await self._cables(request, exact, assembly)

    # -- switches and hosts --------------------------------------------------------------------------------------------

    async def _switches(self, request: Request, pattern: list[Glob], assembly: Assembly) -> None:
        _, name, port, counter = pattern
        for fabric in await self._answers.fabrics():
            directory = await self._answers.directory(fabric.name)
            chosen = in_window(directory.switches, name.among(directory.switches), fabric, request.window)
            tell_early(self._answers, request, fabric)
            guids = {named.guid for _, named, _ in chosen}
            paths = await counter_paths(self._answers.site.metrics, guids, port.text, counter.text, request.tell)
            assembly.take(switch_series(self._name(""), MOST_NAMES, tuple(chosen), tuple(paths)))
            if self._too_many(request, assembly):
                return

    async def _hosts(self, request: Request, pattern: list[Glob], assembly: Assembly) -> None:
        _, name, ib, hca, port, counter = pattern
        if not ib.matches("ib"):
            return
        times = await host_times(self._answers, request.viewer, request.window)
        for fabric in await self._answers.fabrics():
            directory = await self._answers.directory(fabric.name)
            tell_early(self._answers, request, fabric)
            mine = None if times is None else {directory.find_host(host): spans for host, spans in times.items()}
            matching = [host for host in directory.hosts if name.matches(safe(host)) and (mine is None or host in mine)]
            chosen = [
                found
                for found in in_window(directory.hosts, matching, fabric, request.window)
                if hca.matches(safe(found[1].hca))
            ]
            guids = {named.guid for _, named, _ in chosen}
            stored = await counters(self._answers.site.metrics, guids, port.text, counter.text, request.tell)
            for host, named, span in chosen:
                node, device = safe(host), safe(named.hca)
                for number in range(1, named.ports + 1):
                    for what, series in stored.get(PortKey(named.guid, number), ()):
                        tags = {"host": node, "hca": device, "port": str(number), "what": what}
                        full = self._name("host", node, "ib", device, str(number), what)
                        for part in [span] if mine is None else [own.cut(span) for own in mine[host]]:
                            if part:
                                assembly.add(full, series, part, tags)
                if self._too_many(request, assembly):
                    return

    # -- cables --------------------------------------------------------------------------------------------------------

    async def _cables(self, request: Request, pattern: list[Glob], assembly: Assembly) -> None:
        _, name, end, counter = pattern
        for fabric in await self._answers.fabrics():
            directory = await self._answers.directory(fabric.name)
            book = await self._cable_book(fabric.name, name)
            chosen: list[tuple[str, str, PortKey, Connection]] = []
            for cable, connections in book.items():
                if not name.matches(safe(cable)):
                    continue
                for ends in ends_of(connections, kinds_of(directory, connections)):
                    if ends.connection.span.overlaps(request.window):
                        if doubt := doubt_of(self._answers, cable, ends):
                            request.tell(doubt)
                        chosen += [
                            (safe(cable), which, port, ends.connection)
                            for which, port in (("a", ends.a), ("b", ends.b))
                            if end.matches(which)
                        ]
            stored = await counters(
                self._answers.site.metrics, {port.guid for _, _, port, _ in chosen}, "*", counter.text, request.tell
            )
            for cable, which, port, connection in chosen:
                for what, series in stored.get(port, ()):
                    tags = {"cable": cable, "end": which, "what": what}
                    assembly.add(self._name("cable", cable, which, what), series, connection.span, tags)
                if self._too_many(request, assembly):
                    return

    async def _cable_book(self, fabric: str, name: Glob) -> dict[str, tuple[Connection, ...]]:
        """Connections by cable, in the reading taken: of the few that are named, or of all."""
        if not name.literal or len(name.words) > MOST_TYPED:
            return await self._answers.cables(fabric)
        book = {}
        for cable in sorted(name.words):
            connections = await self._answers.site.fabrics.cable(fabric, cable)
            book[cable] = tuple(c for c in connections if c.cable == cable)
        return book

    # -- jobs ----------------------------------------------------------------------------------------------------------

    async def _name_runs(self, request: Request, patterns: Sequence[Sequence[Glob]]) -> None:
        """Find the runs that the job ids of all patterns mean: by name as it was typed, or by their own."""
        words = {word for p in patterns for word in p[1].words}
        wild = [p[1] for p in patterns if not p[1].literal]
        typed = sorted(words)[:MOST_TYPED] if wild or len(words) <= MOST_TYPED else []
        for word in typed:
            await name_typed(self._answers, request, word)
        if not wild and len(typed) == len(words):
            return
        users = () if request.viewer.operator else (request.viewer.who,)
        page = await self._answers.site.jobs.runs(RunFilter(window=request.window, users=users), limit=MOST_RUNS)
        for run in page.items:
            own = job_node(run, self._answers.site.settings.cluster)
            if own not in typed:
                request.named.setdefault(own, []).append(run)
        if wild:
            which = f"the newest {MOST_RUNS}" if page.cursor else str(len(page.items))
            request.tell(f"job.{wild[0].text} is looked for among the runs that overlap the window: {which}.")
        elif page.cursor is not None and (lost := len(words - request.named.keys())):
            request.tell(f"{lost} of {len(words)} jobs are not among the newest {MOST_RUNS} runs of the window.")

    async def _job(self, request: Request, pattern: list[Glob], assembly: Assembly) -> None:
        if len(pattern) < 3:
            return
        chosen = {name: request.named[name] for name in pattern[1].among(request.named)}
        if pattern[2].matches("hosts"):
            await self._job_hosts(request, pattern, chosen, assembly)
        exact = fitted(pattern, 6)
        if pattern[2].matches("ports") and exact is not None:
            await self._job_ports(request, exact, chosen, assembly)
        if pattern[2].matches("routes") and exact is not None:
            await self._job_routes(request, exact, chosen, assembly)

    async def _job_hosts(
        self, request: Request, pattern: list[Glob], chosen: dict[str, list[Run]], assembly: Assembly
    ) -> None:
        every = nodes("*")[0]
        if pattern[2].deep:
            host, rest = every, ["**", *(glob.text for glob in pattern[3:])]
        elif len(pattern) > 3 and pattern[3].deep:
            host, rest = every, [glob.text for glob in pattern[3:]]
        elif len(pattern) > 4:
            host, rest = pattern[3], [glob.text for glob in pattern[4:]]
        else:
            return
        spots = self._host_spots(chosen, host)
        by_cluster: dict[str, set[str]] = {}
        for cluster, node, _, _, _ in spots:
            by_cluster.setdefault(cluster, set()).add(node)
        paths = []
        for cluster, hosts in by_cluster.items():
            below = self._template.pattern(cluster, hosts, ".".join(rest))
            paths.append((cluster, tuple(await self._answers.site.metrics.expand(below, request.tell))))
        assembly.take(job_host_series(self._name(""), MOST_NAMES, self._template, tuple(spots), tuple(paths)))
        self._too_many(request, assembly)

    def _host_spots(self, chosen: dict[str, list[Run]], host: Glob) -> list[HostSpot]:
        """Every host of the runs that matches."""
        return [
            (run.key.cluster, node, name, safe(own), span)
            for name, runs in sorted(chosen.items())
            for run in runs
            if (span := held(run)) is not None
            for own in run.hosts
            if host.matches(safe(own))
            for node in dict.fromkeys((safe(own), safe(own.partition(".")[0])))
        ]

    async def _job_ports(
        self, request: Request, pattern: list[Glob], chosen: dict[str, list[Run]], assembly: Assembly
    ) -> None:
        _, _, _, switch, port, counter = pattern
        runs = list({run.key: run for own in chosen.values() for run in own}.values())
        plugs, notices = await plugs_of(self._answers, runs, request.now_ms)
        sharing = await Sharing.of(self._answers, runs)
        for notice in (*notices, *sharing.notices):
            request.tell(notice)
        names: dict[object, list[str]] = {}
        for name, own in chosen.items():
            for run in own:
                names.setdefault(run.key, []).append(name)
        wanted = [p for p in plugs if switch.matches(safe(p.switch)) and port.matches(str(p.switch_port.number))]
        guids = {plug.switch_port.guid for plug in wanted}
        stored = await counters(self._answers.site.metrics, guids, port.text, counter.text, request.tell)
        for plug in wanted:
            kept = stored.get(plug.switch_port, ())
            count = sharing.on(plug.run, plug.host)
            shared = {} if count is None else {"sharers": str(count)}
            for name in names[plug.run.key]:
                for what, series in kept:
                    node, number = safe(plug.switch), str(plug.switch_port.number)
                    tags = {"job": name, "host": safe(plug.host), "switch": node, "port": number, "what": what}
                    assembly.add(self._name("job", name, "ports", node, number, what), series, plug.span, tags | shared)
            if self._too_many(request, assembly):
                return

    async def _job_routes(
        self,
        request: Request,
        pattern: list[Glob],
        chosen: dict[str, list[Run]],
        assembly: Assembly,
        *,
        counted: bool = True,
    ) -> None:
        """Series of ports on the routes of runs; `counted`: with how many others shared them, which takes longer."""
        _, _, _, switch, port, counter = pattern
        for name, runs in sorted(chosen.items()):
            for run in runs:
                routes = await run_routes(self._answers, run, request.now_ms)
                shares = await run_shares(self._answers, run, request.now_ms) if counted else RunShares((), (), ())
                for notice in (*routes.notices, *shares.notices):
                    request.tell(notice)
                await self._job_route_series(request, routes, shares, (name, switch, port, counter), assembly)
                if self._too_many(request, assembly):
                    return

    async def _job_route_series(
        self,
        request: Request,
        routes: RunRoutes,
        shares: RunShares,
        asked: tuple[str, Glob, Glob, Glob],
        assembly: Assembly,
    ) -> None:
        """The series of one run's routes, each port for the parts in which it is on them."""
        name, switch, port, counter = asked
        spots: list[tuple[str, PortKey, Interval, dict[str, str]]] = []
        basis: dict[PortKey, Basis] = {}
        counts = {(part.fabric, part.span): part.counts for part in shares.parts}
        for part in routes.parts:
            directory = await self._answers.directory(part.fabric)
            known = counts.get((part.fabric, part.span))
            here = {use.port: use.basis for use in part.used}
            for key, how in here.items():
                node = safe(directory.node(key.guid, part.span.from_ms))
                if switch.matches(node) and port.matches(str(key.number)):
                    shared = {} if known is None else {"sharers": str(known.get(key, 0))}
                    spots.append((node, key, part.span, shared))
                    basis[key] = max(basis.get(key, how), how, key=RANK.__getitem__)
        stored = await counters(
            self._answers.site.metrics, {key.guid for key in basis}, port.text, counter.text, request.tell
        )
        for node, key, span, shared in spots:
            for what, series in stored.get(key, ()):
                number = str(key.number)
                tags = {"job": name, "switch": node, "port": number, "what": what, "basis": basis[key]}
                assembly.add(self._name("job", name, "routes", node, number, what), series, span, tags | shared)

    def _too_many(self, request: Request, assembly: Assembly) -> bool:
        if len(assembly) < MOST_NAMES:
            return False
        request.tell(f"More than {MOST_NAMES} names match: ask for fewer.")
        return True

    # -- find ----------------------------------------------------------------------------------------------------------

    async def _find_kind(self, request: Request, kind: str, pattern: list[Glob]) -> list[Found]:
        depth = len(pattern)
        if kind in ("switch", "cable") and not request.viewer.operator:
            return []
        if depth == 1:
            return [Found(self._name(kind), False)]
        if kind == "job":
            await self._name_runs(request, [pattern])
            return await self._find_jobs(request, pattern)
        if depth == 2:
            names = dict.fromkeys(await self._known(request, kind, pattern[1]))
            return [Found(self._name(kind, name), False) for name in names if pattern[1].matches(name)]
        if depth > DEPTHS[kind]:
            return []
        assembly = Assembly()
        await self._resolve_kind(request, kind, _padded(pattern, DEPTHS[kind]), assembly)
        return self._cut([one.name for one in assembly.series()], depth, DEPTHS[kind])

    async def _known(self, request: Request, kind: str, glob: Glob) -> list[str]:
        """Switches, hosts or cables of the window."""
        found: list[str] = []
        times = await host_times(self._answers, request.viewer, request.window) if kind == "host" else None
        for fabric in await self._answers.fabrics():
            if kind == "cable":
                book = await self._cable_book(fabric.name, glob)
                found += [safe(c) for c, own in book.items() if any(x.span.overlaps(request.window) for x in own)]
                continue
            directory = await self._answers.directory(fabric.name)
            mine = None if times is None else {directory.find_host(host) for host in times}
            table = directory.switches if kind == "switch" else directory.hosts
            there = in_window(table, table, fabric, request.window)
            found += [safe(name) for name, _, _ in there if mine is None or name in mine]
        return found

    async def _find_jobs(self, request: Request, pattern: list[Glob]) -> list[Found]:
        """Ids, `hosts`, `ports` and `routes`, hosts and what is stored of them, switches, their ports and counters."""
        depth, picked = len(pattern), _picked(request.named, pattern[1])
        if depth == 2:
            return [Found(self._name("job", name), False) for name in picked]
        below = [kind for kind in ("hosts", "ports", "routes") if pattern[2].matches(kind)]
        if depth == 3:
            return [Found(self._name("job", name, kind), False) for name in picked for kind in below]
        chosen = {name: request.named[name] for name in picked}
        found: list[Found] = []
        if "hosts" in below:
            rest = ".".join(glob.text for glob in pattern[4:])
            for cluster, node, name, host, _ in self._host_spots(chosen, pattern[3]):
                if depth == 4:
                    found.append(Found(self._name("job", name, "hosts", host), False))
                    continue
                below_host = self._template.pattern(cluster, [node], rest)
                for stored in await self._answers.site.metrics.find(below_host, request.tell):
                    if (split := self._template.split(stored.path, cluster)) is not None:
                        found.append(Found(self._name("job", name, "hosts", host, split[1]), stored.leaf))
        if "ports" in below and depth <= 6:
            assembly = Assembly()
            await self._job_ports(request, _padded(pattern, 6), chosen, assembly)
            found += self._cut([one.name for one in assembly.series()], depth, 6)
        if "routes" in below and depth <= 6:
            assembly = Assembly()
            await self._job_routes(request, _padded(pattern, 6), chosen, assembly, counted=False)
            found += self._cut([one.name for one in assembly.series()], depth, 6)
        return found

    def _cut(self, names: Iterable[str], depth: int, full: int) -> list[Found]:
        """The names cut to so many nodes below the prefix, each once."""
        keep = depth + len(self._prefix)
        cut = dict.fromkeys(".".join(name.split(".")[:keep]) for name in names)
        return [Found(name, depth == full) for name in cut]


def _padded(pattern: list[Glob], depth: int) -> list[Glob]:
    """The pattern with `*` for every node that is missing."""
    return pattern + [nodes("*")[0]] * (depth - len(pattern))


def _picked(named: dict[str, list[Run]], glob: Glob) -> list[str]:
    """Jobs for a picker: the running ones, then the newest that ended."""
    matching = [name for name in named if glob.matches(name)]
    running = [name for name in matching if any(run.end_ms is None for run in named[name])]
    return running + [name for name in matching if name not in set(running)][:PICKED_RUNS]
