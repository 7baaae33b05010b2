"""Ad hoc filters, as SimpleJSON and simPod send them and as the two sides of a dashboard mean them."""

import pytest

from weft.api.adhoc import Filter, filter_named, filter_rows, read_filters
from weft.base.errors import BadRequest


def test_old_clients_send_adhocfilters_and_new_ones_filters() -> None:
    told = {"key": "host", "operator": "=", "value": "node001"}
    expected = (Filter("host", "=", ("node001",)),)
    assert read_filters({"adhocFilters": [told]}) == expected
    assert read_filters({"filters": [told]}) == expected
    assert read_filters({"adhocFilters": [told], "filters": [told]}) == expected


def test_half_filled_rows_of_the_editor_are_no_filters() -> None:
    assert read_filters({"filters": None, "adhocFilters": [{"key": "", "operator": "=", "value": "x"}]}) == ()
    assert read_filters({"filters": [{"key": "host", "operator": "=", "value": ""}]}) == ()


def test_an_operator_of_the_future_is_named() -> None:
    with pytest.raises(BadRequest, match="'~~' is no filter operator"):
        read_filters({"filters": [{"key": "host", "operator": "~~", "value": "x"}]})


@pytest.mark.parametrize(
    ("operator", "values", "cell", "kept"),
    [
        ("=", ("a",), "a", True),
        ("=", ("a",), None, False),
        ("!=", ("a",), None, True),
        ("!=", ("a",), "a", False),
        ("<", ("10",), 9, True),
        ("<", ("10",), "9", True),
        (">", ("leaf01",), "leaf02", True),
        ("=~", ("leaf0[12]",), "leaf02", True),
        ("=~", ("eaf",), "leaf02", True),
        ("!~", ("^leaf",), "spine01", True),
        ("=|", ("a", "b"), "b", True),
        ("!=|", ("a", "b"), "b", False),
        ("=", ("4711",), 4711, True),
        ("=", ("true",), True, True),
    ],
)
def test_every_operator_of_grafana(operator: str, values: tuple[str, ...], cell: object, kept: bool) -> None:
    assert Filter("k", operator, values).keeps(cell) is kept


def test_a_pattern_that_does_not_compile_is_shown() -> None:
    with pytest.raises(BadRequest, match=r"'host =~ \(': '\(' is not a regular expression"):
        Filter("host", "=~", ("(",)).keeps("node001")


def test_a_pattern_that_would_run_for_years_is_stopped() -> None:
    with pytest.raises(BadRequest, match="takes too long"):
        Filter("host", "=~", ("(a|aa)+$",)).keeps("a" * 60 + "b")


def test_rows_are_kept_by_column_and_other_filters_handed_back() -> None:
    filters = (Filter("host", "=", ("a",)), Filter("rack", "=", ("r1",)))
    assert filter_rows(("host", "n"), [("a", 1), ("b", 2)], filters) == ([("a", 1)], [filters[1]])


def test_series_are_kept_by_what_is_said_of_them() -> None:
    filters = (Filter("host", "=", ("a",)), Filter("rack", "=", ("r1",)))
    said: dict[str, dict[str, str]] = {"x": {"host": "a"}, "y": {"host": "b"}, "z": {}}
    assert filter_named(["x", "y", "z"], said.__getitem__, filters) == (["x"], [filters[1]])
