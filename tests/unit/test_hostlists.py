"""Hostlists against what `scontrol show hostnames` printed, and what must not be expanded."""

from pathlib import Path

import pytest

from weft.base.errors import BadInput
from weft.scheduler.hostlists import MAX_HOSTS, expand


def test_slurm_itself_agrees(data: Path) -> None:
    """The file is what `scontrol show hostnames` printed of such a list."""
    printed = (data / "slurm/64-busy/scontrol-hostnames.txt").read_text().split()
    assert list(expand("node[01-03,17,22-24],rack[1-2]n[08-11],login")) == sorted(printed)


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", ()),
        ("  ", ()),
        ("login", ("login",)),
        ("node[01-04,06-07]", ("node01", "node02", "node03", "node04", "node06", "node07")),
        ("node[9-11]", ("node10", "node11", "node9")),
        ("node[099-101]", ("node099", "node100", "node101")),
        ("a1,a1,a[1-2]", ("a1", "a2")),
        (" node[1-2]\n", ("node1", "node2")),
        ("gpu-a.cluster.site", ("gpu-a.cluster.site",)),
        ("r[1-2]c[1-2]-ib", ("r1c1-ib", "r1c2-ib", "r2c1-ib", "r2c2-ib")),
    ],
)
def test_lists_are_expanded(text: str, hosts: tuple[str, ...]) -> None:
    assert expand(text) == hosts


@pytest.mark.parametrize(
    "text",
    ["node[", "node]", "node[1", "node[]", "node[4-1]", "node[1-]", "node[[1]]", "a,,b", ",", "[1-3]", "@all", "a&b",
     "a!b", "node*", "node[1-3/2]", "a b", "node[x]", "nödé1", "a;b", "node[1-99999999999999]"],
)  # fmt: skip
def test_what_is_no_hostlist_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is not a hostlist"):
        expand(text)


@pytest.mark.parametrize("text", ["node[1-99999999]", "a[1-999]b[1-999]", "x[1-60000],y[1-60000]"])
def test_a_list_of_too_many_hosts_is_refused_before_it_is_built(text: str) -> None:
    with pytest.raises(BadInput, match="more than 65,536 hosts"):
        expand(text)


def test_a_list_of_just_so_many_is_taken() -> None:
    assert len(expand(f"n[1-{MAX_HOSTS}]")) == 65_536
