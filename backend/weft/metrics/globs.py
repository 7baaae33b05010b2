"""Graphite's find patterns: globs over dotted names, matched node by node.

A pattern is cut at its dots first, so a dot inside braces never matches. Within a node: `*`, `?`, `[0-9]`, `[!1]`,
`{a,b}` (innermost first, so braces may nest); a brace or bracket that does not close stands for itself. `**` as a
whole node spans any number of nodes, none included. Source: graphite-web 1.1.10, `graphite/finders`.
"""

import fnmatch
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from weft.base.errors import TooMuch
from weft.metrics.budget import counted

MAX_PATTERN = 4096
"""Default of the setting `metrics.max_pattern`."""
MAX_NODES = 128
"""Of a pattern. Folders lie at most 64 deep; a ** may stand between each two."""
KEPT = 512
"""Nodes that are kept compiled."""
KEPT_LETTERS = 2000
"""Letters of all that a node stands for, where it is kept."""

_BRACES = re.compile(r"\{([^{}]*)\}")
_WILD = re.compile(r"[*?\[]")
_kept: "dict[tuple[str, int], Glob]" = {}


@dataclass(frozen=True, slots=True)
class Glob:
    """A matcher of one node.

    Args:
        text: the node as written.
        words: names it matches literally.
        regex: matches the rest; None: nothing but words. Made by fnmatch of atomic groups, so its time is linear.
        every: it is `*` alone. deep: it is `**`, which spans nodes; within one node it matches everything.
    """

    text: str
    words: frozenset[str]
    regex: re.Pattern[str] | None
    every: bool = False
    deep: bool = False

    @property
    def literal(self) -> bool:
        """True when it can match nothing but its words."""
        return self.regex is None and not self.every

    def matches(self, text: str) -> bool:
        """True when the whole node text matches."""
        return self.every or text in self.words or (self.regex is not None and self.regex.match(text) is not None)

    def among(self, names: Collection[str]) -> Collection[str]:
        """The names that match, in no order; time grows with the fewer of words and names where it is literal."""
        if self.every:
            return names
        if self.regex is None and len(self.words) < len(names):
            return [word for word in self.words if word in names]
        return [name for name in names if self.matches(name)]


def nodes(pattern: str, limit: int = MAX_PATTERN) -> tuple[Glob, ...]:
    """Cut a pattern at its dots and compile each node; backslashes are dropped, as graphite-web does.

    Args:
        limit: longest pattern in characters; also the most variants that braces may make, and 16 times the most with
            wildcards in them.
    Raises:
        TooMuch: over one of these; the message names `metrics.max_pattern`. Or over MAX_NODES.
    """
    if len(pattern) > limit:
        raise TooMuch(
            f"The pattern '{pattern[:60]}...' is {len(pattern)} characters long, over metrics.max_pattern = {limit}.",
            fix="Shorten it with a wildcard, or raise that setting.",
        )
    parts = pattern.replace("\\", "").split(".")
    # One ** after another matches no more than the first, and costs a walk over the tree.
    cut = [node for place, node in enumerate(parts) if not place or node != "**" or parts[place - 1] != "**"]
    if len(cut) > MAX_NODES:
        raise TooMuch(
            f"The pattern '{pattern[:60]}...' has {len(cut)} nodes; no name has more than {MAX_NODES}.",
            fix="Leave out some dots, or use ** for any number of nodes.",
        )
    return tuple(_kept.get((node, limit)) or _compile(node, limit) for node in cut)


def could_match(pattern: str, roots: Iterable[str]) -> list[str]:
    """Those of some first nodes that a pattern (or its first node) matches; `**` matches any."""
    glob = nodes(pattern.partition(".")[0], max(MAX_PATTERN, len(pattern)))[0]
    return list(filter(glob.matches, roots))


@counted
def _compile(node: str, limit: int) -> Glob:
    if node in ("*", "**"):
        return Glob(node, frozenset(), None, every=True, deep=node == "**")
    variants = _variants(node, limit)
    wild = sorted(variant for variant in variants if _WILD.search(variant))
    if len(wild) * 16 > max(limit, 16) or sum(map(len, wild)) > 4 * max(limit, 256):
        raise _too_wide(node, f"{len(wild)} patterns with wildcards", limit)
    regex = re.compile("|".join(map(_translated, wild))) if wild else None
    made = Glob(node, frozenset(variants.difference(wild)), regex)
    if sum(map(len, variants)) <= KEPT_LETTERS:
        if len(_kept) >= KEPT:
            _kept.clear()
        _kept[node, limit] = made
    elif wild:
        # The library keeps hundreds of patterns, however large they are.
        re.purge()
    return made


def _translated(variant: str) -> str:
    # fnmatch looks for the end of each bracket that never closes anew; told that they are plain, its time is linear.
    closed, end, rest = variant.rpartition("]")
    return fnmatch.translate(closed + end + rest.replace("[", "[[]"))


def _variants(node: str, limit: int) -> set[str]:
    """Every text that braces stand for: `a{b,c}` is ab and ac; the same text once."""
    done: set[str] = set()
    todo, seen = [node], {node}
    characters = 0
    while todo:
        text = todo.pop()
        found = _BRACES.search(text)
        if found is None:
            done.add(text)
            continue
        for choice in found[1].split(","):
            variant = f"{text[: found.start()]}{choice}{text[found.end() :]}"
            if variant not in seen:
                seen.add(variant)
                todo.append(variant)
                characters += len(variant)
        if len(todo) + len(done) > limit or characters > 16 * max(limit, 256):
            raise _too_wide(node, f"more than {min(limit, len(seen))} patterns", limit)
    return done


def _too_wide(node: str, what: str, limit: int) -> TooMuch:
    return TooMuch(
        f"The braces of '{node[:60]}' stand for {what}, over what metrics.max_pattern = {limit} allows.",
        fix="Use fewer braces in one node, or a wildcard in their place.",
    )
