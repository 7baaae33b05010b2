"""What counts as a word: the one rule both log engines keep."""

import pytest

from weft.base.errors import BadRequest
from weft.logs.words import wanted, words_of


def test_words_are_letters_digits_and_underscores_in_lower_case() -> None:
    assert words_of("mlx5_0: port 1 went DOWN (10.1.2.3)") == "mlx5_0 port 1 went down 10 1 2 3".split()
    assert words_of("Gerät überhitzt: 90°C") == ["gerät", "überhitzt", "90", "c"]
    assert words_of(" -- ") == []


def test_a_word_is_cut_where_elasticsearch_cuts_it() -> None:
    assert words_of("x" * 600) == ["x" * 255, "x" * 255, "x" * 90]


def test_all_words_of_all_terms_are_wanted_once() -> None:
    assert wanted(["Link down", "link-up", "mlx5_0:"]) == ["link", "down", "up", "mlx5_0"]
    assert wanted([]) == []


def test_a_term_without_a_word_is_refused() -> None:
    with pytest.raises(BadRequest, match=r"'\*\*\*' holds no word to search for. Give letters"):
        wanted(["down", "***"])
