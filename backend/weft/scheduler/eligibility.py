"""Whether a node could have been given to a run, by what Slurm told of its nodes: surely not, or with which doubts.

What the node that it would replace has, it needs no more of: whatever the run asked for, that one met it. So a node in
the same partitions with the same features and GRES is good without knowing what was asked. Otherwise what was asked is
looked at as far as it is simple; what cannot be told stays a doubt and is never assumed.
"""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass

from weft.scheduler.model import Run, SchedulerNode

UNUSABLE_STATES = frozenset("DOWN ERROR FUTURE".split())
UNUSABLE_FLAGS = frozenset(
    "DRAIN FAIL INVALID_REG MAINTENANCE NOT_RESPONDING PERFCTRS POWERING_DOWN REBOOT_ISSUED RESERVED".split()
)
"""A node told to be so gets no job (Slurm's node states). A reservation may be the run's own: then none is proposed."""
HARMLESS_FLAGS = frozenset("CLOUD DYNAMIC_FUTURE DYNAMIC_NORM POWERED_UP".split())

_FEATURE = r"[^\s&|,()\[\]*!]+"
_ALL_OF = re.compile(rf"{_FEATURE}(?:[&,]{_FEATURE})*")
_ONE_OF = re.compile(rf"{_FEATURE}(?:\|{_FEATURE})*")
_ASIDE = re.compile(r"\([^)]*\)")
_COUNT = re.compile(r"(\d+)([KMGTP]?)", re.IGNORECASE)

Gres = Mapping[tuple[str, str], int]
"""(name, type) -> how many; type "" where none is told."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a list of nodes tells: a member that is empty everywhere may as well not have been asked for.

    `whole`: it has every host of the run and others besides, and so is taken for a list of all nodes.
    """

    nodes: Mapping[str, SchedulerNode]
    whole: bool
    partitions: bool
    features: bool
    gres: bool

    @classmethod
    def of(cls, nodes: Mapping[str, SchedulerNode], hosts: Set[str]) -> "Told":
        """Look at every node; nodes and the run's hosts by the names that the caller knows them by."""
        every = nodes.values()
        return cls(
            nodes,
            hosts < nodes.keys(),
            any(node.partitions for node in every),
            any(node.features for node in every),
            any(node.gres for node in every),
        )


def usable(run: Run, told: Told) -> frozenset[str] | None:
    """Nodes that the run could have been given at some time, busy or not; None: its partition's are not known."""
    if not run.partition or not told.partitions or not told.whole:
        return None
    return frozenset(name for name in told.nodes if _checked(run, told, name, None) is not None)


def doubts_of(run: Run, told: Told, name: str, instead_of: str) -> tuple[str, ...] | None:
    """What is not known of whether node `name` could have stood in for `instead_of` when the run started.

    Returns:
        None: surely it could not. Otherwise each doubt in words, none: nothing speaks against it.
    """
    if not told.nodes:
        return ("its partition, features, GRES and state then are not known",)
    if name not in told.nodes:  # of a list of all: no node of Slurm's, a file server, say
        return None if told.whole else ("Slurm told nothing of it by then",)
    state = _state(told.nodes[name])
    checked = _checked(run, told, name, told.nodes.get(instead_of))
    return None if state is None or checked is None else (*checked, *state)


def _checked(run: Run, told: Told, name: str, model: SchedulerNode | None) -> tuple[str, ...] | None:
    """Doubts about what does not change from hour to hour; `model`: a node that was good enough for the run."""
    node = told.nodes[name]
    answers = (
        _partition(run, told, node, model),
        _features(run, told, node, model),
        _gres(run, told, node, model),
        _cpus(run, node, model),
    )
    if any(answer is None for answer in answers):
        return None
    return tuple(answer for answer in answers if answer)


def _state(node: SchedulerNode) -> tuple[str, ...] | None:
    """Doubts about the state that Slurm told last; None: it takes no job."""
    if node.state in UNUSABLE_STATES or node.flags & UNUSABLE_FLAGS:
        return None
    doubts = sorted(node.flags - HARMLESS_FLAGS)
    if node.state != "IDLE":
        doubts.insert(0, node.state)
    return (f"Slurm told last that it was {'+'.join(doubts)}",) if doubts else ()


def _partition(run: Run, told: Told, node: SchedulerNode, model: SchedulerNode | None) -> str | None:
    """ "": good; None: not; otherwise the doubt. So do all of these checks."""
    if model is not None and model.partitions and set(model.partitions) <= set(node.partitions):
        return ""
    if not told.partitions:
        return "its partition is not known"
    if not run.partition:
        return "the run's partition is not known"
    return "" if set(run.partition.split(",")) & set(node.partitions) else None


def _features(run: Run, told: Told, node: SchedulerNode, model: SchedulerNode | None) -> str | None:
    have = set(node.features)
    if told.features and model is not None and set(model.features) <= have:
        return ""
    if not run.features:
        lacks = sorted(set(model.features) - have) if model is not None else []
        return f"it lacks {', '.join(lacks)}, and whether the run asked for that is not known" if lacks else ""
    if not told.features:
        return "its features are not known"
    asked = set(re.findall(_FEATURE, run.features))
    if _ALL_OF.fullmatch(run.features):
        return "" if asked <= have else None
    if _ONE_OF.fullmatch(run.features):
        return "" if asked & have else None
    return f"whether it meets {run.features} is not known"


def _gres(run: Run, told: Told, node: SchedulerNode, model: SchedulerNode | None) -> str | None:
    have = gres_of(node.gres)
    if told.gres and model is not None and _covers(have, gres_of(model.gres)):
        return ""
    needed = _gres_needed(run.tres)
    if not run.tres:
        return "which GRES the run had is not known" if told.gres and model is not None else ""
    if not needed:
        return ""
    if not told.gres:
        return "its GRES are not known"
    hosts = len(run.hosts) or run.node_count or 0
    for (name, kind), total in needed.items():
        if not hosts or total % hosts:
            return f"how many {name} the run needed of it is not known"
        if _held(have, (name, kind)) < total // hosts:
            return f"whether its {name} is {kind} is not known" if have.get((name, "")) and kind else None
    return ""


def _cpus(run: Run, node: SchedulerNode, model: SchedulerNode | None) -> str | None:
    if node.cpus is None or (model is not None and model.cpus is not None and model.cpus <= node.cpus):
        return ""
    hosts = len(run.hosts) or run.node_count or 0
    if run.cpus is None or not hosts or run.cpus % hosts:
        return f"it has only {node.cpus} CPUs" if model is not None and model.cpus is not None else ""
    return "" if run.cpus // hosts <= node.cpus else None


def gres_of(text: str) -> Gres:
    """What `gpu:a100:4(S:0-1),shard:8` says that a node has; a count that is left out is 1."""
    found: dict[tuple[str, str], int] = {}
    for part in _ASIDE.sub("", text).split(","):
        name, *rest = (word for word in part.strip().split(":") if word != "no_consume")
        count = _COUNT.fullmatch(rest[-1]) if rest else None
        if name:
            kind = ":".join(rest[:-1] if count else rest)
            number = int(count[1]) * 1024 ** " KMGTP".index(count[2].upper() or " ") if count else 1
            found[name, kind] = found.get((name, kind), 0) + number
    return found


def _gres_needed(tres: str) -> Gres:
    """`gres/gpu=8,gres/gpu:a100=8` of all a run was allocated."""
    found: dict[tuple[str, str], int] = {}
    for part in tres.split(","):
        name, equals, count = part.partition("=")
        if name.startswith("gres/") and equals and count.isdecimal() and int(count):
            plain, _, kind = name.removeprefix("gres/").partition(":")
            found[plain, kind] = int(count)
    return found


def _covers(have: Gres, wanted: Gres) -> bool:
    return all(_held(have, key) >= count for key, count in wanted.items())


def _held(have: Gres, wanted: tuple[str, str]) -> int:
    """How many a node has of a name and type; of a name alone whatever their type."""
    name, kind = wanted
    return sum(count for (one, its), count in have.items() if one == name and kind in ("", its))
