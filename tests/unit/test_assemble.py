"""Virtual series from pieces of stored ones. Expected values by hand."""

from unit.stored import START, numbers, series
from weft.base.intervals import Interval
from weft.metrics.assemble import assembled, overlaps
from weft.metrics.series import Series
from weft.metrics.store import Piece, VirtualSeries

N = None

ONE = series("p.1", [1, 2, 3, 4, 5, 6])
TWO = series("p.2", [10, 20, 30, 40, 50, 60])


def piece(stored: str, from_s: int, to_s: int) -> Piece:
    return Piece(stored, START + from_s, START + to_s)


def assemble(*pieces: Piece, stored: tuple[Series, ...] = (ONE, TWO)) -> list[Series]:
    held = {one.name: one for one in stored}
    return assembled([VirtualSeries("cable.7.rx", pieces, {"cable": "7"})], held.get, "cable.*.rx")


def test_one_piece_that_covers_everything_shares_the_stored_values() -> None:
    [made] = assemble(piece("p.1", -1000, 1000))
    assert made.values is ONE.values
    assert (made.name, made.path) == ("cable.7.rx", "cable.*.rx")
    assert made.tags == {"cable": "7", "name": "cable.7.rx"}
    assert made.seams == ()


def test_a_piece_that_ends_with_the_window_covers_it_and_one_a_second_short_of_a_slot_does_not() -> None:
    [made] = assemble(piece("p.1", 0, 60))
    assert made.values is ONE.values
    [made] = assemble(piece("p.1", 9, 51))
    assert numbers(made) == [1, 2, 3, 4, 5, 6]
    [made] = assemble(piece("p.1", 10, 60))
    assert numbers(made) == [N, 2, 3, 4, 5, 6]
    assert assemble(piece("p.gone", 0, 60)) == []


def test_a_run_keeps_the_slots_it_overlaps_and_nothing_else() -> None:
    # From 12 s to 31 s: the slots of 10, 20 and 30 s.
    [made] = assemble(piece("p.1", 12, 31))
    assert (made.start_s, numbers(made)) == (START, [N, 2, 3, 4, N, N])
    assert numbers(ONE) == [1, 2, 3, 4, 5, 6]


def test_two_stored_series_meet_at_a_seam_and_the_shared_slot_is_the_later_ones() -> None:
    [made] = assemble(piece("p.1", 0, 25), piece("p.2", 25, 60))
    assert (numbers(made), made.seams) == ([1, 2, 30, 40, 50, 60], (2,))


def test_a_shared_slot_without_a_later_value_keeps_the_earlier_one_and_the_seam_moves_on() -> None:
    late = series("p.2", [N, N, N, N, 50, 60])
    [made] = assemble(piece("p.1", 0, 25), piece("p.2", 25, 60), stored=(ONE, late))
    assert (numbers(made), made.seams) == ([1, 2, 3, N, 50, 60], (4,))


def test_the_same_stored_series_again_makes_no_seam() -> None:
    [made] = assemble(piece("p.1", 0, 20), piece("p.1", 40, 60))
    assert (numbers(made), made.seams) == ([1, 2, N, N, 5, 6], ())


def test_there_and_back_are_two_seams() -> None:
    [made] = assemble(piece("p.1", 0, 20), piece("p.2", 20, 40), piece("p.1", 40, 60))
    assert (numbers(made), made.seams) == ([1, 2, 30, 40, 5, 6], (2, 4))


def test_a_piece_without_stored_values_or_outside_the_window_makes_no_seam() -> None:
    [made] = assemble(piece("p.gone", -100, 10), piece("p.2", -50, 0), piece("p.1", 10, 60))
    assert (numbers(made), made.seams) == ([N, 2, 3, 4, 5, 6], ())
    assert assemble(piece("p.gone", 0, 60)) == []


def test_pieces_of_different_steps_meet_at_the_coarser_one() -> None:
    slow = series("p.2", [10, 20, 30], step_s=20)
    [made] = assemble(piece("p.1", 0, 20), piece("p.2", 20, 60), stored=(ONE, slow))
    assert (made.start_s, made.step_s, numbers(made), made.seams) == (START, 20, [1.5, 20, 30], (1,))


def test_pieces_whose_series_begin_at_different_times_keep_their_times() -> None:
    late = series("p.2", [30, 40], start_s=START + 20)
    [made] = assemble(piece("p.1", 0, 20), piece("p.2", 20, 60), stored=(ONE, late))
    assert (made.start_s, numbers(made)) == (START, [1, 2, 30, 40, N, N])


def test_a_piece_overlaps_a_span_when_they_share_an_instant() -> None:
    span = Interval((START + 10) * 1000, (START + 20) * 1000)
    assert [overlaps(piece("x", *ends), span) for ends in ((0, 10), (0, 11), (19, 30), (20, 30))] == [
        False,
        True,
        True,
        False,
    ]
