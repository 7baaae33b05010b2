"""Commands about the inventory as a graph: what it looks like, and a query of it."""

import textwrap
from collections.abc import Iterator
from typing import Annotated

import typer

from weft.answers.cypher_questions import QUESTIONS
from weft.cli.common import AsJson, Config, Data, Limit, ask
from weft.cli.render import Section
from weft.inventory.neo4j import schema as graph

commands = typer.Typer()

WIDTH = 79
HOW = (
    'Worked questions, each as it is typed: `weft cypher "..."`, in a panel `cypher query="..."`, or POST '
    "/api/v1/cypher. Put your own cluster, job, host and time into it."
)


@commands.command()
def schema() -> None:
    """The graph that Cypher is asked about: nodes, relationships, properties; and ten worked questions."""
    print("\n".join([*_drawing(graph.__doc__ or ""), "", *textwrap.wrap(HOW, WIDTH)]))
    for number, question in enumerate(QUESTIONS, 1):
        print(f"\n{number}. {question.asked}\n\n{textwrap.indent(question.cypher, '    ')}")


@commands.command()
def cypher(
    query: Annotated[str, typer.Argument(help='Cypher that only reads: "MATCH (h:Host) RETURN h.name LIMIT 5".')],
    limit: Limit = 1000,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Ask the inventory in Cypher, where it is in Neo4j; `weft schema` draws its graph."""
    ask([Section("", "cypher", {"query": query})], data, config, as_json, limit=limit)


def _drawing(text: str) -> Iterator[str]:
    """The drawing of the graph in lines of a terminal: its words first, then a relationship a line or two."""
    prose, drawn = text.strip().split("\n\n")[1:3]
    yield from textwrap.wrap(prose, WIDTH)
    yield ""
    for line in drawn.replace("\n  ", " ").replace(" -[", "\n  -[").splitlines():
        drawing, _, remark = line.partition("   ")
        if len(drawing) > WIDTH:
            drawing = drawing.replace(")-[", ")\n  -[", 1)
        for part in drawing.splitlines():
            yield from textwrap.wrap(part, WIDTH, subsequent_indent="      ", drop_whitespace=True)
        if remark:
            yield f"      # {remark.strip()}"
