"""What is stored of which port and host, for pickers: known by heart, since every keystroke asks for all of it."""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weft.answers.virtual import COUNTERS, HostTemplate, counters
from weft.base.errors import ServiceError
from weft.metrics.store import SeriesStore, unheard
from weft.metrics.tags import ROOT

log = logging.getLogger(__name__)

FRESH_S = 30.0
"""How old what pickers know may be before it is looked up again, while they are answered from it."""
AT_ONCE = 32
"""Nodes or hosts in a question to the store: the loop is free in between."""
MOST_WHATS = 50_000
"""Different counters and paths of host metrics that pickers know; further ones they leave out."""


@dataclass(frozen=True, slots=True)
class Stock:
    """What is stored, as sets that ports and hosts share.

    Args:
        whats: counters and paths below hosts. members, of_set: set of_set[i] holds whats[members[i]].
        sets: how many sets there are; the first is empty.
        ports: GUID -> port number -> set. hosts: host as it is stored -> set.
    """

    whats: Sequence[str]
    members: NDArray[np.int32]
    of_set: NDArray[np.int32]
    sets: int
    ports: Mapping[str, Mapping[int, int]]
    hosts: Mapping[str, int]


class _Sets:
    """Sets of names under construction, each once."""

    def __init__(self) -> None:
        self.whats: dict[str, int] = {}
        self.sets: dict[tuple[int, ...], int] = {(): 0}

    def number(self, names: Iterable[str]) -> int:
        """The number of the set of these names."""
        members: list[int] = []
        for name in names:
            if name not in self.whats and len(self.whats) >= MOST_WHATS:
                continue
            members.append(self.whats.setdefault(name, len(self.whats)))
        return self.sets.setdefault(tuple(sorted(members)), len(self.sets))


class Stockroom:
    """Keeps a Stock of a site's series."""

    def __init__(self, store: SeriesStore, template: HostTemplate, cluster: str) -> None:
        self._store, self._template, self._cluster = store, template, cluster
        self._stock: Stock | None = None
        self._due_s = 0.0
        self._looking: asyncio.Task[Stock] | None = None

    async def stock(self, guids: Iterable[str]) -> Stock:
        """What is stored, at most about FRESH_S old: the first to ask waits for it.

        Args:
            guids: of the nodes whose ports are looked for when it is looked up.
        """
        if self._stock is not None and time.monotonic() <= self._due_s:
            return self._stock
        looking = self._looking or asyncio.create_task(self._look(sorted(set(guids))))
        self._looking = looking
        return await asyncio.shield(looking) if self._stock is None else self._stock

    async def _look(self, guids: Sequence[str]) -> Stock:
        try:
            self._stock = await self._looked(guids)
            return self._stock
        except ServiceError as exc:
            if self._stock is None:
                raise
            log.warning("pickers of tags stay as they were: %s", exc)
            return self._stock
        finally:
            self._due_s = time.monotonic() + FRESH_S
            self._looking = None

    async def _looked(self, guids: Sequence[str]) -> Stock:
        made = _Sets()
        ports: dict[str, dict[int, int]] = {}
        for first in range(0, len(guids), AT_ONCE):
            for port, kept in (await counters(self._store, guids[first : first + AT_ONCE], "*", "*", unheard)).items():
                ports.setdefault(port.guid, {})[port.number] = made.number(what for what, _ in kept)
            await asyncio.sleep(0)
        hosts: dict[str, int] = {}
        nodes = await stored_hosts(self._store, self._template, self._cluster)
        for first in range(0, len(nodes), AT_ONCE):
            below: dict[str, list[str]] = {}
            pattern = self._template.pattern(self._cluster, nodes[first : first + AT_ONCE], "**")
            for stored in await self._store.expand(pattern, unheard):
                if (split := self._template.split(stored, self._cluster)) is not None and ";" not in split[1]:
                    below.setdefault(split[0], []).append(split[1])
            hosts |= {node: made.number(paths) for node, paths in below.items()}
            await asyncio.sleep(0)
        sizes = [len(one) for one in made.sets]
        members = np.fromiter((number for one in made.sets for number in one), np.int32, sum(sizes))
        of_set = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        return Stock(list(made.whats), members, of_set, len(sizes), ports, hosts)


async def stored_hosts(store: SeriesStore, template: HostTemplate, cluster: str) -> list[str]:
    """Hosts of a cluster as they are stored, sorted."""
    found = await store.find(template.hosts(cluster), unheard)
    hosts = {template.host(node.path, cluster) for node in found if not node.leaf and node.path not in (COUNTERS, ROOT)}
    return sorted(hosts - {""})
