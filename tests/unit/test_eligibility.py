"""Whether a node could have stood in for another: what speaks against it, what is not known, what need not be asked."""

import pytest

from unit.fakes import run
from weft.scheduler.eligibility import Told, doubts_of, gres_of, usable
from weft.scheduler.model import Run, SchedulerNode


def node(name: str = "new", state: str = "IDLE", *flags: str, **told: object) -> SchedulerNode:
    """An idle node of partition batch, or what else is told of it."""
    members: dict[str, object] = {"partitions": ("batch",), **told}
    return SchedulerNode(name, state, frozenset(flags), **members)


def job(**told: object) -> Run:
    """A run in partition batch on two hosts, `old` one of them."""
    made = run(1, 0, 10, ["old", "else"])
    return made.__class__(**{name: getattr(made, name) for name in made.__slots__} | told)


def doubts(asked: Run, new: SchedulerNode, old: SchedulerNode | None = None) -> tuple[str, ...] | None:
    """Doubts about `new` in the place of `old` (a node like it, where nothing else is told)."""
    nodes = {one.name: one for one in (new, old or node("old"))}
    return doubts_of(asked, Told.of(nodes, {"old"}), "new", "old")


def test_a_node_alike_is_good_whatever_was_asked() -> None:
    alike = {"features": ("a", "b"), "gres": "gpu:a100:4", "cpus": 64}
    for features in ("", "a&b", "[a*1&c*1]", "(a|c)&b"):
        asked = job(features=features, tres="cpu=128,gres/gpu=8,node=2", partition="")
        assert doubts(asked, node(**alike), node("old", **alike)) == ()


def test_without_any_word_of_slurm_everything_is_a_doubt() -> None:
    told = Told.of({}, {"old"})
    assert doubts_of(job(), told, "new", "old") == ("its partition, features, GRES and state then are not known",)


def test_a_host_missing_from_a_list_of_all_is_out_and_otherwise_a_doubt() -> None:
    doubt = ("Slurm told nothing of it by then",)
    assert doubts_of(job(), Told.of({"third": node("third")}, {"old"}), "new", "old") == doubt
    assert doubts_of(job(), Told.of({"old": node("old")}, {"old"}), "new", "old") == doubt
    assert doubts_of(job(), Told.of({n: node(n) for n in ("old", "third")}, {"old"}), "new", "old") is None


@pytest.mark.parametrize(
    ("state", "flags", "expected"),
    [
        ("IDLE", (), ()),
        ("IDLE", ("CLOUD",), ()),
        ("DOWN", (), None),
        ("IDLE", ("DRAIN",), None),
        ("IDLE", ("RESERVED",), None),
        ("ALLOCATED", ("NOT_RESPONDING",), None),
        ("IDLE", ("POWERED_DOWN",), ("Slurm told last that it was POWERED_DOWN",)),
        ("IDLE", ("PLANNED",), ("Slurm told last that it was PLANNED",)),
        ("MIXED", (), ("Slurm told last that it was MIXED",)),
        ("UNKNOWN", ("COMPLETING",), ("Slurm told last that it was UNKNOWN+COMPLETING",)),
    ],
)
def test_the_state_told_last_counts(state: str, flags: tuple[str, ...], expected: tuple[str, ...] | None) -> None:
    assert doubts(job(), node("new", state, *flags)) == expected


def test_a_node_of_another_partition_is_out_and_an_unknown_one_a_doubt() -> None:
    assert doubts(job(), node(partitions=("debug",))) is None
    assert doubts(job(), node(partitions=("debug", "batch"))) == ()
    assert doubts(job(partition="debug,batch"), node(partitions=("debug",))) == ()
    assert doubts(job(partition=""), node(partitions=("debug",))) == ("the run's partition is not known",)
    nobody = {"partitions": ()}
    assert doubts(job(), node(**nobody), node("old", **nobody)) == ("its partition is not known",)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", ("it lacks b, and whether the run asked for that is not known",)),
        ("a", ()),
        ("b", None),
        ("a&b", None),
        ("a,c", ()),
        ("b|c", ()),
        ("b|d", None),
        ("a&(b|c)", ("whether it meets a&(b|c) is not known",)),
        ("[b|c]", ("whether it meets [b|c] is not known",)),
        ("a*1&b*1", ("whether it meets a*1&b*1 is not known",)),
        ("a&b|c", ("whether it meets a&b|c is not known",)),
    ],
)
def test_features_asked_for_are_looked_at_while_they_are_simple(asked: str, expected: tuple[str, ...] | None) -> None:
    assert doubts(job(features=asked), node(features=("a", "c")), node("old", features=("a", "b"))) == expected


def test_features_that_nobody_told_are_a_doubt_only_where_some_were_asked_for() -> None:
    assert doubts(job(features="a"), node()) == ("its features are not known",)
    assert doubts(job(), node()) == ()


@pytest.mark.parametrize(
    ("tres", "gres", "expected"),
    [
        ("gres/gpu=8,node=2", "gpu:4", ()),
        ("gres/gpu=8,node=2", "gpu:a100:2,gpu:v100:2(S:0-1)", ()),
        ("gres/gpu=8,node=2", "gpu:2", None),
        ("gres/gpu=8,node=2", "", None),
        ("gres/gpu=8,gres/gpu:a100=8", "gpu:v100:4", None),
        ("gres/gpu=8,gres/gpu:a100=8", "gpu:4", ("whether its gpu is a100 is not known",)),
        ("gres/gpu=3", "gpu:2", ("how many gpu the run needed of it is not known",)),
        ("cpu=64,node=2", "", ()),
        ("", "gpu:2", ("which GRES the run had is not known",)),
    ],
)
def test_gres_of_the_run_are_shared_out_over_its_hosts(tres: str, gres: str, expected: tuple[str, ...] | None) -> None:
    assert doubts(job(tres=tres), node(gres=gres), node("old", gres="gpu:a100:8")) == expected


def test_gres_that_nobody_told_are_a_doubt_only_where_some_were_allocated() -> None:
    assert doubts(job(tres="gres/gpu=8"), node()) == ("its GRES are not known",)
    assert doubts(job(tres="cpu=8"), node()) == ()


def test_too_few_cpus_are_out_or_a_doubt() -> None:
    big = node("old", cpus=128)
    assert doubts(job(cpus=256), node(cpus=64), big) is None
    assert doubts(job(cpus=128), node(cpus=64), big) == ()
    assert doubts(job(cpus=None), node(cpus=64), big) == ("it has only 64 CPUs",)


def test_what_a_run_could_have_been_given_counts_busy_and_drained_nodes_too() -> None:
    nodes = {
        "a": node("a", "ALLOCATED"),
        "b": node("b", "IDLE", "DRAIN"),
        "c": node("c", partitions=("debug",)),
        "d": node("d", features=("f",)),
    }
    assert usable(job(), Told.of(nodes, {"a"})) == {"a", "b", "d"}
    assert usable(job(features="f"), Told.of(nodes, {"d"})) == {"d"}
    assert usable(job(partition=""), Told.of(nodes, {"a"})) is None
    nowhere = {name: node(name, partitions=()) for name in ("a", "b")}
    assert usable(job(), Told.of(nowhere, {"a"})) is None


def test_a_list_without_a_host_of_the_run_or_of_its_hosts_alone_does_not_say_what_it_could_have_had() -> None:
    nodes = {name: node(name) for name in ("a", "b", "c")}
    assert usable(job(), Told.of(nodes, {"a", "b"})) == {"a", "b", "c"}
    assert usable(job(), Told.of(nodes, {"a", "z"})) is None
    assert usable(job(), Told.of(nodes, {"a", "b", "c"})) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("gpu", {("gpu", ""): 1}),
        ("gpu:4", {("gpu", ""): 4}),
        ("gpu:a100", {("gpu", "a100"): 1}),
        ("gpu:a100:4(S:0,1),gpu:a100:2,shard:8", {("gpu", "a100"): 6, ("shard", ""): 8}),
        ("bandwidth:lustre:no_consume:4G", {("bandwidth", "lustre"): 4 * 1024**3}),
    ],
)
def test_gres_are_read_as_slurm_writes_them(text: str, expected: dict[tuple[str, str], int]) -> None:
    assert gres_of(text) == expected
