"""How a file format declares itself: a name, how to know it, how to read it. Data, so that formats are only added.

A format is pure: text in, value out, no clock and no disk. What the text cannot say by itself arrives as `Origin`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)

SHOWN = 3
"""Lines of a kind that a notice shows; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known about a file beside its text.

    Args:
        fabric, cluster: what the site calls the subnet and the cluster of a file that names none.
        zone: zone of times printed without one.
        told_ms: when it was seen, as a person says (--seen-at); None: nobody said.
        file_ms: when the file was last written, the last resort.
        stderr: what the tool wrote to standard error, "" when that was not kept.
        name: what the file is called, without its folder.
    """

    fabric: str
    cluster: str
    zone: tzinfo
    told_ms: int | None
    file_ms: int
    stderr: str = ""
    name: str = ""

    @property
    def seen_at_ms(self) -> int:
        """When the file was seen, for a text that does not tell."""
        return self.file_ms if self.told_ms is None else self.told_ms


@dataclass(frozen=True, slots=True)
class Reading(Generic[T_co]):
    """What a format read: the value, one line that says what was found, and what the reader should know.

    `dated`: the text itself told when it was seen, so neither --seen-at nor the file's time was needed.
    """

    value: T_co
    found: str
    seen_at_ms: int
    dated: bool
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Format(Generic[T_co]):
    """A format that is read.

    Args:
        name: the tool, as `--json` and the ledger call it: `ibnetdiscover`.
        what: with its article, for a sentence: `an ibnetdiscover topology`.
        recognise: takes the head of a file (at most 64 KiB), says whether it is one; never raises.
        parse: takes the whole text. Raises BadInput, with the line and what was expected there, and nothing else.
        refers: it names ports by what other files tell (port GUIDs, LIDs, names), so it is taken after those.
    """

    name: str
    what: str
    recognise: Callable[[str], bool]
    parse: Callable[[str, Origin], Reading[T_co]]
    refers: bool = False


@dataclass(frozen=True, slots=True)
class UnreadFormat:
    """A format that is known by sight and not read: why not, and what to give instead."""

    name: str
    what: str
    recognise: Callable[[str], bool]
    reason: str
    fix: str


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 node`, `2 nodes`, `2 switches` for a plural that is not the noun and an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def said_aside(stderr: str) -> list[str]:
    """What a tool said on standard error, as notices: the first lines and how many more."""
    lines = [line.strip() for line in stderr.split("\n") if line.strip()]
    notices = [f"The tool said aside: {line[:200]}" for line in lines[:SHOWN]]
    return notices + ([f"The tool said {len(lines) - SHOWN:,} lines more on standard error."] if lines[SHOWN:] else [])
