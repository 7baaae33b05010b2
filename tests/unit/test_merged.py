"""Several stores as one, on stores made in view; what a merged series holds is counted by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

from weft.metrics.merged import MergedStore, joined
from weft.metrics.series import Series, Window
from weft.metrics.store import Found, Tell, unheard
from weft.metrics.tags import TagExpression

pytestmark = pytest.mark.anyio

HOUR = Window(0, 3600, 3600)
GAP = float("nan")


def series(name: str, start_s: int, step_s: int, values: Sequence[float]) -> Series:
    return Series(name, start_s, step_s, np.array(values, dtype=float), name, {"name": name})


class Held:
    """A store of a few series; keeps what it was asked for."""

    def __init__(self, *held: Series, notice: str = "") -> None:
        self.held = {one.name: one for one in held}
        self.notice = notice
        self.asked: list[list[str]] = []

    def _told(self, tell: Tell) -> list[str]:
        if self.notice:
            tell(self.notice)
        return sorted(self.held)

    async def find(self, pattern: str, tell: Tell) -> list[Found]:
        return [Found("dir", False), *(Found(name, True) for name in self._told(tell))]

    async def expand(self, pattern: str, tell: Tell) -> list[str]:
        return self._told(tell)

    def unreadable(self) -> dict[str, str]:
        return {self.notice: "is away"} if self.notice else {}

    async def tagged(self, expressions: Sequence[TagExpression], tell: Tell) -> list[str]:
        return self._told(tell)

    async def tags(self, expressions: Sequence[TagExpression], prefix: str, tell: Tell) -> list[str]:
        return ["name"]

    async def tag_values(
        self, tag: str, expressions: Sequence[TagExpression], prefix: str, tell: Tell, limit: int | None = None
    ) -> list[tuple[str, int]]:
        return [(name, 1) for name in self._told(tell)][:limit]

    async def fetch(self, names: Sequence[str], window: Window, tell: Tell) -> list[Series | None]:
        self.asked.append(list(names))
        return [self.held.get(name) for name in names]


async def test_names_of_all_are_one_sorted_list_without_doubles() -> None:
    merged = MergedStore([Held(series("b", 0, 60, [1])), Held(series("a", 0, 60, [1]), series("b", 0, 60, [1]))])
    assert await merged.expand("*", unheard) == ["a", "b"]
    assert await merged.find("*", unheard) == [Found("dir", False), Found("a", True), Found("b", True)]
    assert await merged.tagged((), unheard) == ["a", "b"]
    assert await merged.tags((), "", unheard) == ["name"]
    assert await merged.tag_values("name", (), "", unheard) == [("a", 1), ("b", 2)]


async def test_what_one_cannot_answer_is_told_and_the_rest_is_answered() -> None:
    merged = MergedStore([Held(series("a", 0, 60, [1])), Held(notice="far away")])
    told: list[str] = []
    assert await merged.expand("*", told.append) == ["a"]
    assert told == ["far away"]
    assert merged.unreadable() == {"far away": "is away"}


async def test_a_store_is_asked_only_for_what_it_named_and_for_what_nobody_named() -> None:
    left, right = Held(series("a", 0, 60, [1])), Held(series("b", 0, 60, [2]))
    merged = MergedStore([left, right])
    await merged.expand("*", unheard)
    read = await merged.fetch(["b", "unheard-of", "a"], HOUR, unheard)
    assert [one and one.name for one in read] == ["b", None, "a"]
    assert (left.asked, right.asked) == ([["unheard-of", "a"]], [["b", "unheard-of"]])
    await merged.fetch(["b"], HOUR, unheard)
    assert len(left.asked) == 1


async def test_gaps_of_the_first_are_filled_from_the_next_and_its_values_stay() -> None:
    stores = [Held(series("a", 60, 60, [1, GAP, GAP, 4])), Held(series("a", 60, 60, [10, 20, GAP, 40])),
              Held(series("a", 60, 60, [100, 200, 300, 400]))]  # fmt: skip
    [one] = await MergedStore(stores).fetch(["a"], HOUR, unheard)
    assert one is not None
    assert one.values.tolist() == [1, 20, 300, 4]
    assert stores[0].held["a"].values.tolist()[0] == 1
    assert np.isnan(stores[0].held["a"].values[1]), "what a store gave is not written to"


def test_a_series_that_begins_later_fills_what_it_has() -> None:
    one = joined([series("a", 60, 60, [1, GAP, GAP, GAP]), series("a", 180, 60, [30, 40, 50])])
    assert one is not None
    assert (one.start_s, one.values.tolist()[2:]) == (60, [30, 40])
    assert np.isnan(one.values[1])


def test_a_coarser_value_stands_once_where_it_is_stamped_so_that_no_rate_is_made_up() -> None:
    fine = series("a", 60, 60, [1, GAP, GAP, GAP, 5, 6])  # 60 to 360
    coarse = series("a", 180, 180, [30, 60])  # 180, 360
    one = joined([coarse, fine])
    assert one is not None
    assert (one.start_s, one.step_s) == (60, 60)
    np.testing.assert_array_equal(one.values, [1, GAP, 30, GAP, 5, 6])


def test_the_one_that_covers_most_time_gives_the_step_and_finer_values_are_averaged_into_its_gaps() -> None:
    coarse = series("a", 600, 600, [1, GAP, 3, GAP])  # 600 to 2400
    fine = series("a", 2340, 60, [7, 8, 9])  # 2340, 2400, 2460
    one = joined([fine, coarse])
    assert one is not None
    assert (one.start_s, one.step_s) == (600, 600)
    np.testing.assert_array_equal(one.values, [1, GAP, 3, 8.5])


def test_infinities_fill_gaps_too() -> None:
    one = joined([series("a", 60, 60, [GAP, 2, GAP]), series("a", 120, 60, [9, float("inf")])])
    assert one is not None
    np.testing.assert_array_equal(one.values, [GAP, 2, float("inf")])


def test_none_and_one_are_what_they_are() -> None:
    alone = series("a", 0, 60, [1])
    assert joined([]) is None
    assert joined([alone]) is alone
