"""The wiring against its plan: what is missing, unexpected, in the wrong port or swapped."""

from weft.answers.answers import Answers
from weft.answers.fabric import at_of, cabled, look
from weft.answers.tables import Ask, TableData
from weft.base.formats import counted
from weft.fabric.model import NodeKind
from weft.fabric.wiring import Known, compare


async def wiring(answers: Answers, ask: Ask, fabric: str | None = None, at: int | None = None) -> TableData:
    """What is not as planned at a time, in the order of the plan.

    A node that vanished is where its cables lead: only a cable in another port, or another node's, is a difference.
    """
    at_ms = at_of(ask, at)
    name, scene, directory = await look(answers, fabric, at_ms)
    plan = await answers.site.fabrics.wiring(name, at_ms)
    if plan is None:
        fix = "Import one: a CSV with from, from_port, to, to_port, or a .topo file."
        return TableData([], (f"No plan of fabric {name}'s wiring was given by {answers.when(at_ms)}. {fix}",))
    rows = await cabled(answers, scene, directory)
    nodes = {
        guid: Known(kind, description)
        for guid, kind, description in zip(scene.view.guids, scene.view.kinds, scene.view.descriptions, strict=True)
    }
    for guid in {port.guid for row in rows for port in (row.a, row.b)} - nodes.keys():
        last = [span for span in directory.nodes_of(guid) if span.span.from_ms <= at_ms][-1]
        nodes[guid] = Known(last.kind, last.description)
    found = compare(plan, nodes, [(row.a, row.b) for row in rows if NodeKind.ROUTER not in row.kinds])
    told = [
        [
            difference.kind,
            difference.text,
            "; ".join(f"{cable.a} - {cable.b}" for cable in difference.planned) or None,
            "; ".join(" - ".join(directory.port(port, at_ms) for port in pair) for pair in difference.actual) or None,
            difference.planned[0].line if difference.planned else None,
            plan.source,
            plan.seen_at_ms,
            name,
        ]
        for difference in found
    ]
    since = f"{plan.source} plan of {answers.when(plan.seen_at_ms)}, {counted(len(plan.cables), 'cable')}"
    if told:
        return TableData(told, (f"Against the {since}.",))
    return TableData([], (f"All is as planned: {since}.",))
