"""What the server means to do with a query: reading operators alone are let through."""

import pytest

from weft.base.errors import BadRequest
from weft.inventory.neo4j.cypher.plans import require_reading

READS = {
    "operatorType": "ProduceResults@neo4j",
    "children": [{"operatorType": "Expand(All)@neo4j", "children": [{"operatorType": "NodeByLabelScan@neo4j"}]}],
}


def test_a_plan_of_reading_operators_passes() -> None:
    require_reading("r", READS)


@pytest.mark.parametrize("query_type", ["w", "rw", "s", None])
def test_what_the_server_calls_a_write_is_refused(query_type: str | None) -> None:
    with pytest.raises(BadRequest, match="more than reading"):
        require_reading(query_type, READS)


# Neo4j 5.26 gives each of these the type `r`, or a type that a later one may change.
@pytest.mark.parametrize(
    "operator",
    ["LoadCSV", "ShowSettings", "ShowTransactions", "TerminateTransactions", "Create", "SetProperty", "New", ""],
)
def test_an_operator_that_is_not_on_the_list_is_refused_wherever_it_stands(operator: str) -> None:
    plan = {"operatorType": "ProduceResults@neo4j", "children": [READS, {"operatorType": f"{operator}(x)@neo4j"}]}
    with pytest.raises(BadRequest, match=f"would use '{operator}'"):
        require_reading("r", plan)


def test_no_plan_is_refused() -> None:
    with pytest.raises(BadRequest):
        require_reading("r", None)
