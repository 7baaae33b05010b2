"""What counts as a word in a log line: the same on every engine, because no engine cuts the text itself.

Elasticsearch has no pattern tokenizer on every server, and its `standard` one keeps `10.1.2.3` together. So Weft cuts
messages and queries here, and stores index the words as a text with blanks between, by their `whitespace` tokenizer.
"""

import re
from collections.abc import Iterable

from weft.base.errors import BadRequest

_WORD = re.compile(r"\w{1,255}")
"""Letters, digits and underscores of any script; 255 is where Elasticsearch's tokenizers cut a longer one too."""


def words_of(text: str) -> list[str]:
    """The words of a message, in order, in lower case: `mlx5_0: port 1 DOWN` is mlx5_0, port, 1, down."""
    return _WORD.findall(text.lower())


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
