"""How long a regular expression can take: Neo4j's `=~` is Java's matcher, which nothing stops once it runs."""

import re

from weft.base.errors import BadRequest

LONGEST = 200
"""Characters of an expression."""

_PARTS = re.compile(
    r"""
    (?P<escape> \\Q[\s\S]*?(?:\\E|\Z) | \\[\s\S] )
  | (?P<class> \[\^?\]?(?:\\[\s\S]|[^\]\\\[&])*\] )
  | (?P<flags> \(\?[a-zA-Z]+\) )
  | (?P<plain_group> \((?:\?:)?(?!\?) )
  | (?P<end> \) )
  | (?P<repeat> (?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})[+?]? )
  | (?P<either> \| )
  | (?P<other> [^\\\[(){}*+?|] )
    """,
    re.VERBOSE,
)


def cost(pattern: str, length: int) -> int:
    """Steps that a match against so many characters takes at worst.

    Every repeat may try each length, every group each of its branches: length ** repeats * branches of each group.

    Raises:
        BadRequest: a group that is repeated, a look-around or a reference back: no such bound holds for these.
    """
    if len(pattern) > LONGEST:
        raise BadRequest(f"A regular expression is over {LONGEST} characters.", fix="Use IN with a list of names.")
    repeats, branches = 0, 1
    open_branches: list[int] = [1]
    before, at = "", 0
    while at < len(pattern):
        match = _PARTS.match(pattern, at)
        kind = str(match.lastgroup) if match else ""
        if match is None or (kind == "escape" and match[0][1].isdigit()) or match[0] == "\\k":
            raise _refused(pattern, at)
        if kind == "repeat":
            if before in ("end", "repeat", ""):
                raise _refused(pattern, at)
            repeats += 1
        elif kind == "plain_group":
            open_branches.append(1)
        elif kind == "either":
            open_branches[-1] += 1
        elif kind == "end":
            if len(open_branches) == 1:
                raise _refused(pattern, at)
            branches *= open_branches.pop()
        before, at = kind, match.end()
    for left in open_branches:
        branches *= left
    return int(min(max(length, 2) ** min(repeats, 30) * branches, 10**18)) + length


def _refused(pattern: str, at: int) -> BadRequest:
    return BadRequest(
        f"The regular expression '{pattern}' cannot be bounded from its character {at + 1} on: a group is repeated, or "
        "looks around or back.",
        fix="Use STARTS WITH, CONTAINS, ENDS WITH, or repeat single characters only: 'node[0-9]+'.",
    )
