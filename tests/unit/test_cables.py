"""Cable identity (DESIGN section 4), on wirings small enough to decide by hand.

Ports S1, S2, S3 sit in switches, H1, H2, H3 in HCAs. Cable A was S1-H1, B was S2-H2.
"""

from weft.fabric.cables import Memory, assign, cable_id, exchanges
from weft.fabric.model import PortKey

S1, S2, S3 = (PortKey("5" * 16, n) for n in (1, 2, 3))
H1, H2, H3 = (PortKey(f"a{n}" * 8, 1) for n in (1, 2, 3))
WAS = {S1: "A", H1: "A", S2: "B", H2: "B"}


def in_hca(port: PortKey) -> bool:
    return port.guid.startswith("a")


def both(
    *links: tuple[PortKey, PortKey], remembered: dict[PortKey, str] = WAS, up: tuple[str, ...] = ()
) -> list[object]:
    return [assign(sorted(links), remembered, up, in_hca, reading) for reading in (0, 1)]


def test_a_link_between_ports_never_cabled_is_a_new_cable() -> None:
    assert both((S3, H3)) == [{(S3, H3): None}] * 2


def test_a_link_that_comes_back_is_the_same_cable() -> None:
    assert both((S1, H1)) == [{(S1, H1): "A"}] * 2


def test_a_cable_whose_switch_end_went_to_a_free_port_moved() -> None:
    assert both((S3, H1)) == [{(S3, H1): "A"}] * 2


def test_a_cable_whose_hca_end_went_to_another_host_moved() -> None:
    assert both((S1, H3)) == [{(S1, H3): "A"}] * 2


def test_a_cable_that_is_up_elsewhere_is_not_taken_from_there() -> None:
    assert both((S3, H1), up=("A",)) == [{(S3, H1): None}] * 2


def test_in_an_exchange_the_hca_ends_stay_plugged_and_the_other_reading_is_kept() -> None:
    taken, other = both((S1, H2), (S2, H1))
    assert taken == {(S1, H2): "B", (S2, H1): "A"}
    assert other == {(S1, H2): "A", (S2, H1): "B"}


def test_half_an_exchange_is_as_ambiguous_as_a_whole_one() -> None:
    assert both((S1, H2)) == [{(S1, H2): "B"}, {(S1, H2): "A"}]


def test_two_new_links_that_both_remember_one_cable_cannot_both_be_it() -> None:
    # A's two ports got different peers, neither of which was ever cabled: A is at one of them, the other link is new.
    taken, other = both((S1, H3), (S3, H1))
    assert taken == {(S1, H3): None, (S3, H1): "A"}
    assert other == {(S1, H3): "A", (S3, H1): None}


def test_between_switches_both_readings_differ_by_the_port_that_kept_its_cable() -> None:
    t1, t2 = PortKey("6" * 16, 1), PortKey("6" * 16, 2)
    taken, other = both((S1, t2), (S2, t1), remembered={S1: "A", t1: "A", S2: "B", t2: "B"})
    assert taken == {(S1, t2): "A", (S2, t1): "B"}
    assert other == {(S1, t2): "B", (S2, t1): "A"}


def test_a_port_that_its_cable_left_forgets_it() -> None:
    memory = Memory(WAS)
    memory.plug("A", (S3, H1))
    assert memory.cable_of == {S3: "A", H1: "A", S2: "B", H2: "B"}


def test_after_an_exchange_each_port_remembers_what_is_in_it_now() -> None:
    memory = Memory(WAS)
    memory.plug("B", (S1, H2))
    memory.plug("A", (S2, H1))
    assert memory.cable_of == {S1: "B", H2: "B", S2: "A", H1: "A"}


def test_links_whose_readings_share_a_cable_are_one_exchange() -> None:
    far = (PortKey("7" * 16, 1), PortKey("a9" * 8, 1))
    groups = exchanges({(S1, H2): ("B", "A"), far: ("C", "D"), (S2, H1): ("A", "B")})
    assert groups == [[far], [(S1, H2), (S2, H1)]]


def test_cable_ids_tell_ports_and_ordinals_apart() -> None:
    ids = {cable_id("ib", ends, n) for ends in ((S1, H1), (S2, H1)) for n in (0, 1)} | {cable_id("ib2", (S1, H1), 0)}
    assert len(ids) == 5
