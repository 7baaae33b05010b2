"""Slurm's word on nodes, beside the fabric's."""

from collections.abc import Iterable

from weft.answers.answers import Answers
from weft.fabric.topology import HostNames
from weft.scheduler.model import SchedulerNode

EXPECTED = ("DRAIN", "REBOOT", "POWERED_DOWN", "POWERING_DOWN", "POWER_DOWN")
"""States and flags (or what these begin with) under which a node may well be off: somebody meant it to be."""


class SlurmNodes:
    """Nodes of the site's own cluster as Slurm saw them, found by host name, short or full."""

    def __init__(self, nodes: Iterable[SchedulerNode]) -> None:
        self.by_name = {node.name: node for node in nodes}
        self._names = HostNames(self.by_name)

    @classmethod
    async def at(cls, answers: Answers, at_ms: int) -> "SlurmNodes":
        """As last reported by a time."""
        return cls(await answers.site.jobs.scheduler_nodes(answers.site.settings.cluster, at_ms))

    def find(self, host: str) -> SchedulerNode | None:
        """The node of a host, None when Slurm told of none."""
        name = self._names.find(host)
        return self.by_name.get(name) if name is not None else None

    def state(self, host: str) -> str | None:
        """`IDLE+DRAIN`, as `scontrol show node` writes it; `DRAIN` where the tool told nothing else."""
        node = self.find(host)
        if node is None:
            return None
        return "+".join([node.state] * (node.state != "UNKNOWN" or not node.flags) + sorted(node.flags))

    def reason(self, host: str) -> str | None:
        """Why an operator set it so."""
        node = self.find(host)
        return (node.reason or None) if node is not None else None

    def expected(self, host: str) -> str | None:
        """Why a host may be off, `DRAIN (bad DIMM)`; None: Slurm knows of no reason."""
        node = self.find(host)
        if node is None:
            return None
        words = sorted(word for word in {node.state, *node.flags} if word.startswith(EXPECTED))
        if not words:
            return None
        return "+".join(words) + (f" ({node.reason})" if node.reason else "")
