"""What series are called: nodes and tags of names, and the patterns that users write to change them.

Source: graphite-web 1.1.10, `render/functions.py` (getNodeOrTag, aggKey).
"""

import time
from collections.abc import Sequence
from typing import Final

import regex

from weft.base.errors import BadRequest
from weft.metrics.budget import TooHeavy
from weft.metrics.functions.registry import Context
from weft.metrics.patterns import compiled
from weft.metrics.series import Series
from weft.metrics.target import first_path

PATTERN_S: Final = 0.5
"""Time that one call's pattern may take, all series together."""
LOOP_S: Final = 0.02
"""The same while the event loop waits for it; one that takes longer is tried again in a thread."""
NAME_CHARACTERS: Final = 16_384
"""Names longer than this are refused: nested replacements could double one with every call."""


def key_of(series: Series, nodes: Sequence[int | str]) -> str:
    """The nodes and tags asked for, joined by dots; of a name like `f(a.b)`, nodes are those of its first path."""
    name = series.name
    path = (first_path(name) or name) if name.endswith(")") else name
    parts = path.split(";", 1)[0].split(".")
    return checked_name(".".join([_node_or_tag(series, parts, node) for node in nodes]))


def _node_or_tag(series: Series, parts: list[str], node: int | str) -> str:
    if isinstance(node, int) and -len(parts) <= node < len(parts):
        return parts[node]
    return series.tags.get(str(node), "")


def checked_name(name: str) -> str:
    """The name itself. Raises BadRequest when it is absurdly long."""
    if len(name) > NAME_CHARACTERS:
        raise BadRequest(
            f"A series would get a name of {len(name)} characters.", fix="Use fewer nodes or a shorter replacement."
        )
    return name


def paths_of(series: Sequence[Series]) -> str:
    """The path expressions behind some series, each once, joined by commas."""
    return ",".join(dict.fromkeys(one.path for one in series))


class UserPattern:
    """A regular expression that somebody typed: it cannot run longer than PATTERN_S."""

    def __init__(self, function: str, pattern: str, ctx: Context) -> None:
        """Raises BadRequest when it is no regular expression."""
        self._function, self._pattern = function, pattern
        self._on_loop = ctx.budget.on_loop
        self._ends = time.monotonic() + min(LOOP_S if self._on_loop else PATTERN_S, ctx.budget.seconds_left())
        self._regex = compiled(pattern, function)

    def replaced(self, replacement: str, text: str) -> str:
        """The text with every match replaced; `\\1` in the replacement is the first group. Raises BadRequest."""
        try:
            changed = self._regex.sub(replacement, text, timeout=self._left())
        except TimeoutError:
            raise self._slow() from None
        except (regex.error, IndexError) as exc:
            raise BadRequest(
                f"{self._function}: '{replacement[:60]}' cannot replace '{self._pattern[:60]}': {exc}.",
                fix="Use \\1 only for groups that the pattern has.",
            ) from exc
        return checked_name(changed)

    def found(self, text: str) -> bool:
        """True when the pattern occurs in the text. Raises BadRequest."""
        try:
            return self._regex.search(text, timeout=self._left()) is not None
        except TimeoutError:
            raise self._slow() from None

    def _left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise self._slow()
        return left

    def _slow(self) -> Exception:
        if self._on_loop:
            return TooHeavy()
        return BadRequest(
            f"{self._function}: the pattern '{self._pattern[:60]}' takes longer than {PATTERN_S} s.",
            fix="Avoid nested repetitions such as (a+)+.",
        )
