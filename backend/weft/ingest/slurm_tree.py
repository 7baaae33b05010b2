"""Slurm's tree of switches as a note: who compares it with the fabric reads it back from there."""

from weft.base.formats import counted
from weft.inventory.store import Note
from weft.scheduler.model import SlurmTopology

TREE_NOTE = "slurm_topology"
"""Kind of the note. `about`: the cluster, then `switch node node ...` of each leaf and `switch > switch ...` above."""


def tree_note(tree: SlurmTopology) -> Note:
    """The whole tree as a note of its time; the same tree seen again is another confirmation."""
    lines = (
        f"{switch.name} > {' '.join(switch.switches)}" if switch.switches else " ".join((switch.name, *switch.nodes))
        for switch in tree.switches
    )
    nodes = {node for switch in tree.switches for node in switch.nodes}
    text = (
        f"Slurm places jobs by {counted(len(tree.switches), 'switch', 'switches')} and {counted(len(nodes), 'node')}."
    )
    return Note(tree.seen_at_ms, TREE_NOTE, "info", text, (tree.cluster, *lines))
