"""What the server means to do with a query, as EXPLAIN tells it: operators that only read, and no others."""

from collections.abc import Iterator, Mapping
from typing import Any

from weft.base.errors import BadRequest

READING = frozenset(
    {
        # nodes and relationships found
        "AllNodesScan", "NodeByLabelScan", "UnionNodeByLabelsScan", "IntersectionNodeByLabelsScan",
        "SubtractionNodeByLabelsScan", "NodeByIdSeek", "NodeByElementIdSeek", "NodeIndexScan", "NodeIndexSeek",
        "NodeUniqueIndexSeek", "MultiNodeIndexSeek", "NodeIndexSeekByRange", "NodeUniqueIndexSeekByRange",
        "NodeIndexContainsScan", "NodeIndexEndsWithScan", "NodeCountFromCountStore", "RelationshipCountFromCountStore",
        *(
            f"{way}{what}"
            for way in ("Directed", "Undirected")
            for what in (
                "AllRelationshipsScan", "RelationshipTypeScan", "UnionRelationshipTypesScan", "RelationshipByIdSeek",
                "RelationshipByElementIdSeek", "RelationshipByElementIdSeekPipe", "RelationshipIndexScan",
                "RelationshipIndexSeek", "RelationshipIndexSeekByRange", "RelationshipUniqueIndexSeek",
                "RelationshipIndexContainsScan", "RelationshipIndexEndsWithScan",
            )
        ),
        # ways walked
        "Expand", "OptionalExpand", "VarLengthExpand", "ShortestPath", "StatefulShortestPath", "Repeat",
        "BidirectionalRepeat", "ProjectEndpoints", "TriadicSelection", "TriadicBuild", "TriadicFilter",
        # rows joined
        "Apply", "SemiApply", "AntiSemiApply", "LetSemiApply", "LetAntiSemiApply", "SelectOrSemiApply",
        "SelectOrAntiSemiApply", "LetSelectOrSemiApply", "LetSelectOrAntiSemiApply", "ConditionalApply",
        "AntiConditionalApply", "RollUpApply", "CartesianProduct", "NodeHashJoin", "NodeLeftOuterHashJoin",
        "NodeRightOuterHashJoin", "ValueHashJoin", "AssertSameNode", "AssertSameRelationship", "Optional", "Argument",
        "Union", "OrderedUnion",
        # rows made into others
        "Projection", "Filter", "Limit", "ExhaustiveLimit", "Skip", "Sort", "PartialSort", "Top", "PartialTop",
        "Distinct", "OrderedDistinct", "EagerAggregation", "OrderedAggregation", "Unwind", "CacheProperties", "Eager",
        "Input", "NonFuseable", "NonPipelined", "ProduceResults", "EmptyRow", "EmptyResult", "ProcedureCall",
        "RemoteBatchProperties", "RemoteBatchPropertiesWithFilter",
    }
)  # fmt: skip
"""Operators of Neo4j 5 that a plan may hold, by name, without what stands in parentheses behind it."""


def require_reading(query_type: str | None, plan: Mapping[str, Any] | None) -> None:
    """See that a plan only reads.

    Args:
        query_type: as the driver's summary has it: `r`, `w`, `rw` or `s`. plan: likewise.
    Raises:
        BadRequest: it writes, changes the schema, or does what is not on the list; the message names it.
    """
    if query_type != "r" or plan is None:
        raise BadRequest("The server says that this query does more than reading.", fix="Take out what writes.")
    for operator in _operators(plan):
        if operator not in READING:
            raise BadRequest(
                f"The server would use '{operator}' for this query, which is not known to read only.",
                fix="Ask in another way.",
            )


def _operators(plan: Mapping[str, Any]) -> Iterator[str]:
    """Names of a plan's operators, without their database (`Expand(All)@neo4j`: Expand)."""
    left = [plan]
    while left:
        step = left.pop()
        yield str(step.get("operatorType", "")).partition("@")[0].partition("(")[0]
        left.extend(step.get("children", ()))
