"""What all answers share: the site, and what was worked out from its stores already."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from weft.answers.directory import Directory
from weft.answers.recent import Recent
from weft.answers.routed import Held, RunRoutes, RunShares
from weft.answers.shared import Shared
from weft.answers.site import Site
from weft.base.errors import UnknownName
from weft.base.intervals import FOREVER_MS, Interval, iso
from weft.fabric.topology import Topology
from weft.inventory.store import Connection, FabricSpan, FabricView

ALL_TIME = Interval(0, FOREVER_MS)
MOST_SCENES = 8
MOST_NETWORKS = 2
MOST_JOB_ROUTES = 32
MOST_JOB_SHARES = 4
"""A wide run shares 20,000 ports with each of 200 others: 40 MB."""
MOST_LATE = 1000
"""Corrections after the last sweep that are looked at: a person made each of them."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A fabric at one time, and the graph made of it."""

    view: FabricView
    topology: Topology


class Answers:
    """The engines of a site with caches over them; one a worker. Everything in a cache is dropped by store version."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._scenes: Shared[Scene] = Shared("The picture of the fabric", MOST_SCENES, site.patience_s)
        self._late: dict[str, tuple[int, tuple[int, ...]]] = {}
        self._directories: dict[str, tuple[int, Directory]] = {}
        self._cables: dict[str, tuple[int, dict[str, tuple[Connection, ...]]]] = {}
        self._fabrics: tuple[int, tuple[FabricSpan, ...]] = (-1, ())
        self.networks: Recent[Held] = Recent(MOST_NETWORKS)
        self.job_routes: Recent[RunRoutes] = Recent(MOST_JOB_ROUTES)
        self.job_shares: Recent[RunShares] = Recent(MOST_JOB_SHARES)

    async def fabrics(self) -> tuple[FabricSpan, ...]:
        """Every fabric, sorted by name."""
        version = await self.site.fabrics.version()
        if self._fabrics[0] != version:
            self._fabrics = (version, await self.site.fabrics.fabrics())
        return self._fabrics[1]

    async def fabric(self, name: str | None = None) -> FabricSpan:
        """The fabric of this name; without one, the site's own or the only one there is. Raises UnknownName."""
        known = {span.name: span for span in await self.fabrics()}
        if not known:
            raise UnknownName(
                "Nothing was seen of any fabric yet.", fix="Import a dump: `weft import ibnetdiscover.txt`."
            )
        wanted = name or (self.site.settings.fabric if self.site.settings.fabric in known else sorted(known)[0])
        if wanted not in known:
            raise UnknownName(f"There is no fabric '{wanted}'.", fix=did_you_mean(wanted, known))
        return known[wanted]

    async def directory(self, fabric: str) -> Directory:
        """The names of a fabric over all time."""
        version = await self.site.fabrics.version()
        held = self._directories.get(fabric)
        if held is None or held[0] != version:
            spans = await self.site.fabrics.nodes(fabric, ALL_TIME)
            held = (version, Directory(spans, self.site.settings.host_names))
            self._directories[fabric] = held
        return held[1]

    async def cables(self, fabric: str) -> dict[str, tuple[Connection, ...]]:
        """Every cable of a fabric with the connections it made in the reading taken, oldest first."""
        version = await self.site.fabrics.version()
        held = self._cables.get(fabric)
        if held is None or held[0] != version:
            book: dict[str, list[Connection]] = {}
            for connection in await self.site.fabrics.connections(fabric, ALL_TIME):
                book.setdefault(connection.cable, []).append(connection)
            ordered = {cable: tuple(sorted(own, key=lambda c: c.span)) for cable, own in sorted(book.items())}
            held = (version, ordered)
            self._cables[fabric] = held
        return held[1]

    async def scene(self, fabric: str, at_ms: int) -> Scene:
        """A fabric at a time. Raises UnknownName: no such fabric, or nothing was seen of it by then."""
        span = await self.fabric(fabric)
        if at_ms < span.first_ms:
            raise UnknownName(
                f"Fabric {fabric} was first seen at {self.when(span.first_ms)}, after {self.when(at_ms)}.",
                fix="Ask a later time, or import an older dump.",
            )
        version = await self.site.fabrics.version()
        key = (fabric, version, at_ms if at_ms <= span.last_ms else await self._settled(fabric, version, span, at_ms))
        # A panel asks for its nodes and its edges at once.
        return await self._scenes.get(key, lambda: self._scene(fabric, key[2]))

    async def close(self) -> None:
        """End what is being made."""
        await self._scenes.close()

    async def _scene(self, fabric: str, at_ms: int) -> Scene:
        view, directory = await asyncio.gather(self.site.fabrics.fabric(fabric, at_ms), self.directory(fabric))
        names = directory.switch_names(at_ms)
        return Scene(view, Topology.of(view, self.site.settings.host_names, names))

    async def _settled(self, fabric: str, version: int, span: FabricSpan, at_ms: int) -> int:
        """The time of the last change by then: after the last sweep only what a person corrects changes anything."""
        held = self._late.get(fabric)
        if held is None or held[0] != version:
            after = Interval(span.last_ms + 1, FOREVER_MS)
            page = await self.site.fabrics.changes(fabric, after, limit=MOST_LATE)
            held = self._late[fabric] = (version, tuple(change.at_ms for change in page.items))
        return max(late for late in (span.last_ms, *held[1]) if late <= at_ms)

    def when(self, at_ms: int | None) -> str:
        """A time in a sentence, in the site's zone."""
        return iso(at_ms, self.site.zone) or "now"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint with the nearest names, or with some that exist."""
    names = list(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"Known are {', '.join(sorted(names)[:8])}{' ...' if len(names) > 8 else ''}." if names else "None is known."
