"""Many texts in little memory: they are what a list of them is."""

import random
import tracemalloc

import numpy as np
import pytest

from weft.base.arrays import distinct
from weft.base.texts import AT_ONCE, FEW, Anew, Texts, kept, made

ODD = ["", "a", "two\nlines", "Grün", "\udc80 of a file name", "\n"]


@pytest.mark.parametrize("count", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 5 * AT_ONCE + 7])
def test_texts_are_read_as_a_list_is(count: int) -> None:
    generator = random.Random(count)
    texts = [generator.choice(ODD) + str(number % 5) for number in range(count)]
    for many in (Texts(texts), Anew(count, lambda: iter(texts))):
        assert (list(many), len(many)) == (texts, count)
        assert many == texts == many
        assert many == tuple(texts)
        assert many != [*texts, "more"]
        for place in (0, 1, count // 2, count - 1, -1, -count):
            if -count <= place < count:
                assert many[place] == texts[place]
        for some in (
            slice(3, 9),
            slice(None, -2),
            slice(100, 300),
            slice(9, 3),
            slice(None, None, -1),
            slice(1, 200, 7),
        ):
            assert many[some] == texts[some]
        for place in (count, -count - 1):
            with pytest.raises(IndexError):
                many[place]


def test_texts_take_few_bytes_beside_their_letters() -> None:
    tracemalloc.start()
    texts = Texts(f"prod.host{number:05d}.cpu" for number in range(20_000))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 18 letters and the end of a line.
    assert held / len(texts) < 21


def test_few_are_a_list_and_many_are_not() -> None:
    few, many = list(map(str, range(FEW))), list(map(str, range(FEW + 1)))
    assert (type(kept(few)), kept(few)) == (list, few)
    assert (type(kept(many)), kept(many)) == (Texts, many)
    assert (type(made(FEW, lambda: iter(few))), made(FEW, lambda: iter(few))) == (list, few)
    assert (type(made(FEW + 1, lambda: iter(many))), made(FEW + 1, lambda: iter(many))) == (Anew, many)


def test_distinct_values_are_those_of_a_set_sorted() -> None:
    values = np.array([[3, 1, 3], [2, 1, -5]])
    assert distinct(values).tolist() == [-5, 1, 2, 3]
    assert distinct(np.zeros(0, np.int32)).tolist() == []
