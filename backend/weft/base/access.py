"""Who asks, and what they may see."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["user", "operator"]


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person or program behind a request; every function of `answers` and `evaluate` takes one.

    An operator sees everything. A user sees their own runs, and those runs' hosts within the window; other people's
    jobs appear as a count.
    """

    who: str
    roles: frozenset[Role] = frozenset({"user"})

    @property
    def operator(self) -> bool:
        """True when nothing is hidden."""
        return "operator" in self.roles

    @property
    def scope(self) -> str:
        """What belongs into a cache key: two viewers with one scope see the same."""
        return "*" if self.operator else f"user:{self.who}"


LOCAL = Viewer("local", frozenset({"user", "operator"}))
"""Whoever reaches a loopback address or has a shell on the machine."""
