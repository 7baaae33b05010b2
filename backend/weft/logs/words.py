"""What counts as a word in a log line: the same on every engine, because no engine cuts the text itself.

Elasticsearch has no pattern tokenizer on every server, and its `standard` one keeps `10.1.2.3` together. So Weft cuts
messages and queries here, and stores index the words as a text with blanks between, by their `whitespace` tokenizer.
"""

import re
from collections.abc import Iterable

from weft.base.errors import BadRequest

LONGEST = 255
"""Characters of a word: where Elasticsearch's tokenizers cut a longer one too."""

_WORD = re.compile(rf"\w{{1,{LONGEST}}}")
"""Letters, digits and underscores of any script."""


_ASCII_BLANKS = {i: " " for i in range(128) if not _WORD.match(chr(i))}
"""What is no part of a word, for str.translate."""


def words_of(text: str) -> list[str]:
    """The words of a message, in order, in lower case: `mlx5_0: port 1 DOWN` is mlx5_0, port, 1, down."""
    return _WORD.findall(text.lower())


def with_blanks(text: str) -> str:
    """The words of a message with blanks between, as engines index it: `with_blanks(t).split() == words_of(t)`."""
    if len(text) <= LONGEST and text.isascii():
        return text.lower().translate(_ASCII_BLANKS)  # the same in a third of the time, for nearly every line
    return " ".join(words_of(text))


def wanted(terms: Iterable[str]) -> list[str]:
    """The words that a line must have to match all terms, each once.

    Raises:
        BadRequest: a term without any letter or digit matches by nothing.
    """
    found: dict[str, None] = {}
    for term in terms:
        words = words_of(term)
        if not words:
            raise BadRequest(f"'{term}' holds no word to search for.", fix="Give letters, digits or underscores.")
        found.update(dict.fromkeys(words))
    return list(found)
