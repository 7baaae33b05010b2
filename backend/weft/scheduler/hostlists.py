"""Hostlists as Slurm writes them: `node[01-04,06-07]`, `rack[1-2]n[08-11]`, `login`. The one user of ClusterShell.

Only Slurm's own grammar is let through: ClusterShell's groups (`@all`), wildcards and set operators are not names.
"""

import re

from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet, NodeSetException

from weft.base.errors import BadInput

MAX_HOSTS = 65_536
"""Hosts that one list may name; Slurm's own largest machines have a quarter of it."""

MAX_CHARACTERS = 1_000_000

_SHAPE = re.compile(r"(?a)[\w.\[\],-]+")
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_RANGE = re.compile(r"(?a)(\d{1,12})(?:-(\d{1,12}))?")


def expand(text: str) -> tuple[str, ...]:
    """Return every host of a list, each once, sorted; empty for an empty text.

    Raises:
        BadInput: not a hostlist, or more than MAX_HOSTS.
    """
    plain = text.strip()
    if not plain:
        return ()
    if len(plain) > MAX_CHARACTERS or not _SHAPE.fullmatch(plain):
        raise _bad(plain)
    if sum(_size(part, plain) for part in _parts(plain)) > MAX_HOSTS:
        raise BadInput(
            f"the hostlist {_short(plain)} names more than {MAX_HOSTS:,} hosts.",
            fix="Weft takes no list of that size: see where it came from.",
        )
    try:
        return tuple(sorted(NodeSet(plain, resolver=RESOLVER_NOGROUP)))
    except NodeSetException as exc:
        raise _bad(plain) from exc


def _parts(text: str) -> list[str]:
    """Split at the commas outside brackets."""
    parts, start, depth = [], 0, 0
    for at, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if depth not in (0, 1):
            raise _bad(text)
        if character == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    if depth:
        raise _bad(text)
    return [*parts, text[start:]]


def _size(part: str, whole: str) -> int:
    """How many hosts a part names, counted before anything is built."""
    hosts = 1
    for bracket in _BRACKET.findall(part):
        numbers = 0
        for piece in bracket.split(","):
            match = _RANGE.fullmatch(piece)
            if match is None:
                raise _bad(whole)
            numbers += int(match[2] or match[1]) - int(match[1]) + 1
            if numbers < 1:
                raise _bad(whole)
        hosts *= numbers
    if not _BRACKET.sub("", part):
        raise _bad(whole)
    return hosts


def _bad(text: str) -> BadInput:
    return BadInput(
        f"{_short(text)} is not a hostlist; one like node[01-04,06] was expected.",
        fix="Print it again: `scontrol show hostlist` writes such lists.",
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
