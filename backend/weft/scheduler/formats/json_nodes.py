"""Nodes as JSON: `nodes` (sinfo of 22.05, `scontrol show node`, REST), and the grouped rows of sinfo from 23.02 on."""

import re
from collections.abc import Mapping
from typing import Any

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading
from weft.scheduler import hostlists
from weft.scheduler.formats import nodes
from weft.scheduler.formats.envelope import answer_of, is_json, number, text, within, words
from weft.scheduler.model import NodeReport, SchedulerNode

_MEMBER = re.compile(r'"(nodes|sinfo)"\s*:\s*\[')


def recognise(head: str) -> bool:
    """True for JSON with a list of nodes, or of sinfo's rows."""
    return is_json(head) and _MEMBER.search(head) is not None


def parse(content: str, origin: Origin) -> Reading[NodeReport]:
    """Read every node. Raises BadInput: a failed question, or a node without name or state."""
    found = _MEMBER.search(content)
    member = found[1] if found else "nodes"
    answer = answer_of(content, member)
    rows: list[SchedulerNode] = []
    for place, record in enumerate(answer.records, 1):
        try:
            rows += _group(record) if member == "sinfo" else [_node(record)]
        except BadInput as exc:
            raise BadInput(f"number {place} of its {member}: {exc.bare}", fix=exc.fix) from exc
    clusters = {text(record.get("cluster_name")) for record in answer.records}
    cluster = answer.cluster or (clusters.pop() if len(clusters) == 1 else "")
    partial = bool(answer.complaints)
    return nodes.reading(rows, origin, FORMAT.name, cluster=cluster, partial=partial, notices=answer.notices)


def _state(value: Any, flags: Any = None) -> tuple[str, frozenset[str]]:
    state = nodes.state_of([*words(value), *words(flags)])
    if state is None:
        raise BadInput(f"{str(value)[:60]!r} is no state of a node.", fix=nodes.ASK)
    return state


def _node(node: Mapping[str, Any]) -> SchedulerNode:
    names = hostlists.expand(text(node.get("name")))
    if len(names) != 1:
        raise BadInput(f"{str(node.get('name'))[:60]!r} is no name of a node.", fix=nodes.ASK)
    return SchedulerNode(
        names[0],
        *_state(node.get("state"), node.get("state_flags")),
        tuple(words(node.get("partitions"))),
        tuple(words(node.get("features"))),
        text(node.get("gres")),
        number(node.get("cpus")),
        number(node.get("real_memory")),
        text(node.get("reason")),
    )


def _group(row: Mapping[str, Any]) -> list[SchedulerNode]:
    """The nodes of a row that stands for all of one partition that are in one state and alike."""
    state = _state(within(row, "node", "state"))
    partition = text(within(row, "partition", "name"))
    names = [name for each in words(within(row, "nodes", "nodes")) for name in hostlists.expand(each)]
    return [
        SchedulerNode(
            name,
            *state,
            (partition,) if partition else (),
            tuple(words(within(row, "features", "total"))),
            text(within(row, "gres", "total")),
            _same(row.get("cpus")),
            _same(row.get("memory")),
            text(within(row, "reason", "description")),
        )
        for name in names
    ]


def _same(span: Any) -> int | None:
    """The amount of every node of a group, None where they differ."""
    least, most = number(within(span, "minimum")), number(within(span, "maximum"))
    return least if least == most else None


FORMAT: Format[NodeReport] = Format("sinfo --json", "nodes as JSON (sinfo, scontrol, REST)", recognise, parse)
