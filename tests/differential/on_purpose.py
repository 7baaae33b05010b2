"""differences.txt as data: what is answered otherwise on purpose, under the reason."""

import re
from pathlib import Path

_TEXT = (Path(__file__).parent / "differences.txt").read_text(encoding="utf-8")
REASONS = [part for part in _TEXT.split("\n\n")[1:] if part.strip()]
"""Each a few lines that begin with #, then targets."""


def lines_of(text: str) -> list[str]:
    """The lines of a data file that say something."""
    return [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]


def called(text: str) -> list[str]:
    """The functions that a target calls, those in targets that it makes up too."""
    return re.findall(r"\b([A-Za-z]+)\(", text)


KNOWN_TO_FAIL = frozenset(
    called(line)[0] for part in REASONS if " 500" in part for line in lines_of(part) if called(line)
)
"""Functions to which graphite-web answers 500 on purpose of ours."""
