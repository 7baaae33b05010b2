"""What is asked of another Graphite and how its answers are read; expected targets and answers from graphite-web 1.1.10
(`render/views.py` renderViewRaw, `metrics/views.py`) and carbonapi (`expr/types/types.go` MarshalRaw)."""

import math

import numpy as np
import pytest

from weft.base.errors import TooMuch
from weft.metrics import peer
from weft.metrics.peer import Garbled, Sheet, fits, pattern_of, read_values, requests_of
from weft.metrics.series import Window
from weft.metrics.store import Found

HOUR = Window(3600, 7200, 7300)


def test_names_that_differ_in_one_node_are_one_target() -> None:
    names = [f"fabric.{guid}.1.PortXmitData" for guid in ("a1", "b2", "c3")]
    assert requests_of(names) == [["fabric.{a1,b2,c3}.1.PortXmitData"]]


def test_the_node_that_makes_the_fewest_targets_is_put_into_braces() -> None:
    names = [f"servers.h{i}.{metric}" for i in range(10) for metric in ("cpu", "mem")]
    hosts = ",".join(f"h{i}" for i in range(10))
    assert requests_of(names) == [[f"servers.{{{hosts}}}.cpu", f"servers.{{{hosts}}}.mem"]]


def test_names_of_other_depths_are_other_targets() -> None:
    assert requests_of(["a.b", "a.b.c", "x"]) == [["a.b", "a.b.c", "x"]]


def test_a_thousand_series_are_few_requests_of_targets_that_every_graphite_takes() -> None:
    names = [f"fabric.{i:016x}.{port}.PortXmitData" for i in range(100) for port in range(10)]
    requests = requests_of(names)
    assert len(requests) == 2
    assert sum(target.count(",") + 1 for targets in requests for target in targets) == 1000
    assert all(len(target) <= 3100 for targets in requests for target in targets)


def test_tagged_names_are_never_put_into_braces() -> None:
    names = [f"cpu;host=h{i}" for i in range(401)]
    requests = requests_of(names)
    assert [len(targets) for targets in requests] == [200, 200, 1]
    assert requests[0][0] == "cpu;host=h0"


def test_odd_names_are_asked_for_as_they_are_and_apart_from_the_others() -> None:
    names = ["a.b", "odd.*", "odd.x(1)", "odd.[ab]", "odd.ünï", "cpu;mount=a,b"]
    assert requests_of(names) == [
        ["a.b"],
        ["odd.[*]", r"odd.x\(1\)", "odd.[[]ab]", "odd.ünï", r"cpu;mount=a\,b"],
    ]


def test_a_line_becomes_a_series_with_gaps_and_infinities() -> None:
    sheet = Sheet(["a.b", "inf"], HOUR, 1000)
    sheet.take(b"a.b,3660,3840,60|1.5,None,3.0\ninf,3660,3840,60|inf,nan,-inf\n")
    one = sheet.found["a.b"]
    assert (one.name, one.path, one.start_s, one.step_s, one.tags) == ("a.b", "a.b", 3660, 60, {"name": "a.b"})
    np.testing.assert_array_equal(one.values, [1.5, np.nan, 3.0])
    np.testing.assert_array_equal(sheet.found["inf"].values, [math.inf, np.nan, -math.inf])


def test_a_name_may_hold_what_ends_the_parts_of_a_line() -> None:
    sheet = Sheet(["odd.a,b|c"], HOUR, 1000)
    sheet.take(b"odd.a,b|c,3660,3720,60|7.0\n")
    assert sheet.found["odd.a,b|c"].values.tolist() == [7.0]


def test_lines_nobody_asked_for_are_passed_over_and_the_first_of_a_name_counts() -> None:
    sheet = Sheet(["a"], HOUR, 10)
    sheet.take(b",0,0,0|\nother,3660,3720,60|1.0\na,3660,3720,60|2.0\na,3660,3720,60|3.0\n")
    assert {name: one.values.tolist() for name, one in sheet.found.items()} == {"a": [2.0]}


def test_slots_outside_the_window_are_cut_off_as_whisper_would_not_give_them() -> None:
    sheet = Sheet(["a", "early", "late"], Window(3600, 3720, 9999), 1000)
    # (3600, 3720] at 60 s is 3660 and 3720.
    sheet.take(b"a,3540,3900,60|1.0,2.0,3.0,4.0,5.0,6.0\nearly,0,120,60|1.0,2.0\nlate,3780,3840,60|1.0\n")
    assert (sheet.found["a"].start_s, sheet.found["a"].values.tolist()) == (3660, [3.0, 4.0])
    assert set(sheet.found) == {"a"}


def test_nothing_lies_after_now() -> None:
    sheet = Sheet(["a"], Window(3600, 7200, 3700), 1000)
    sheet.take(b"a,3660,3780,60|1.0,2.0\n")
    assert sheet.found["a"].values.tolist() == [1.0]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (b"<html>", "something else than series"),
        (b"a|1.0", "something else than series"),
        (b"a,3660,3720,60|one", "numbers that are none"),
        (b"a,3660,3720,60|[1.0],2.0", "numbers that are none"),
        (b"a,3660,3720,60|" + b"[" * 100_000, "numbers that are none"),
        (b"a,soon,3720,60|1.0", "numbers that are none"),
        (b"a,3660,3720,0|1.0", "times that are none"),
        (b"a,-3660,3720,60|1.0", "times that are none"),
        (b"a,3660,3720,60|" + b"1.0," * 1000 + b"1.0", "more points than metrics.max_points"),
        (b"b,3660,3720,60|1.0\n" * 1002, "series that nobody asked for"),
    ],
)
def test_lines_that_are_none_are_refused_with_the_reason(lines: bytes, why: str) -> None:
    with pytest.raises(Garbled, match=why):
        Sheet(["a"], HOUR, 1000).take(lines + b"\n")


def test_values_are_read_to_the_last_bit() -> None:
    numbers = [0.1, 1e300, 5e-324, -2.2250738585072014e-308, 123456789.123, 1e16]
    assert read_values(",".join(map(repr, numbers)).encode()).tolist() == numbers
    assert read_values(b"").tolist() == []


def test_nodes_are_read_from_what_a_completer_is_told() -> None:
    # graphite-web 1.1.10, find_view, format=completer; a wildcard node has no path.
    body = b"""{"metrics": [{"path": "a.b.", "name": "b", "is_leaf": "0"}, {"path": "a.c", "name": "c", "is_leaf": "1"},
               {"name": "*"}]}"""
    assert peer.read_nodes(body) == [Found("a.b", False), Found("a.c", True)]


def test_lists_of_names_and_tags_are_read_as_the_servers_write_them() -> None:
    assert peer.read_names(b'{"results": ["a.b", "a.c"]}', "results") == ["a.b", "a.c"]
    assert peer.read_names(b'["a;x=1"]') == ["a;x=1"]
    assert peer.read_tags(b'[{"tag": "host"}, {"tag": "name"}]') == ["host", "name"]
    assert peer.read_tags(b'["host"]') == ["host"]
    assert peer.read_tag_values(b'{"tag": "host", "values": [{"count": 2, "value": "h1"}]}') == [("h1", 2)]
    assert peer.read_tag_values(b"null") == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"7", b'{"results": 1}', b'{"metrics": [1]}', b'"a"'])
def test_answers_of_another_kind_are_refused(body: bytes) -> None:
    for read in (peer.read_nodes, lambda body: peer.read_names(body, "results")):
        with pytest.raises(Garbled):
            read(body)


def test_names_that_nobody_can_show_are_left_out() -> None:
    assert peer.read_names(b'["a\\u001b[31m", "", "%b", "ok"]' % (b"x" * 3000)) == ["ok"]


@pytest.mark.parametrize(
    ("path", "pattern", "fit"),
    [
        ("a.b", "a.*", True),
        ("a.b.c", "a.*", False),
        ("a.b", "a.{b,c}", True),
        ("a.b", "**", True),
        ("a", "**", True),
        ("a", "a.**", False),
        ("a.b.c", "a.**", True),
        ("a.b.c", "**.c", True),
        ("c", "**.c", True),
        ("a.b.c.d", "a.**.d", True),
        ("a.d", "a.**.d", True),
        ("a.b.c.d", "a.**.c", False),
        ("a.b.c.d", "**.b.**.d", True),
    ],
)
def test_a_path_fits_a_pattern_as_in_a_tree(path: str, pattern: str, fit: bool) -> None:
    assert fits(path, pattern_of(pattern, 4096)) is fit


def test_a_pattern_over_its_limit_is_refused_here() -> None:
    with pytest.raises(TooMuch, match="max_pattern"):
        pattern_of("a" * 5000, 4096)
