"""What counts as a word: the one rule both log engines keep."""

import random

import pytest

from weft.base.errors import BadRequest
from weft.logs.words import wanted, with_blanks, words_of


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


def test_words_with_blanks_between_are_the_same_words() -> None:
    chance = random.Random(5)
    letters = [*map(chr, range(1, 128)), *"éÜßİ日\U0001f525 \u3000"]
    for size in (3, 40, 254, 255, 256, 600):
        for _ in range(100):
            text = "".join(chance.choices(letters if chance.random() < 0.5 else letters[:127], k=size))
            assert with_blanks(text).split(" ") != [""] or not words_of(text)
            assert [word for word in with_blanks(text).split(" ") if word] == words_of(text)
    assert with_blanks("x" * 600).split() == words_of("x" * 600)
