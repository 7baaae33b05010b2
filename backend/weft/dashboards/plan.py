"""What has to be written so that the wanted dashboards are there, and what is a person's and stays as it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import orjson


class Left(NamedTuple):
    """How we left a dashboard: the hash of our text, and marks it may have there (a file's hash, Grafana's version).

    Two marks: we may have died between saying that we write it and writing it. None: it was a person's.
    """

    sha256: str
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Uids to write, uids to take away, and those that a person has made or changed."""

    write: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """What a publication did. `theirs`: a person's, named with why they were left alone. `failed`: uid and why."""

    written: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    same: int = 0
    theirs: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def planned(wanted: Mapping[str, str], left: Mapping[str, Left], there: Mapping[str, str]) -> Plan:
    """Compare what is wanted (uid to hash) with how we left it and the marks of what is there now (uid to mark).

    A dashboard that is not as we left it is a person's, as is one that we never wrote. One that is gone is written
    again while it is wanted.
    """
    write, theirs = [], []
    for uid, sha256 in sorted(wanted.items()):
        known = left.get(uid)
        if uid in there and (known is None or there[uid] not in known.marks):
            theirs.append(uid)
        elif uid not in there or known is None or known.sha256 != sha256:
            write.append(uid)
    old = sorted(left.keys() - wanted.keys())
    remove = [uid for uid in old if there.get(uid) in left[uid].marks]
    theirs += [uid for uid in old if uid in there and there[uid] not in left[uid].marks]
    return Plan(tuple(write), tuple(remove), tuple(theirs))


def told_of(left: Mapping[str, Left]) -> bytes:
    """How dashboards were left, as JSON."""
    told = {uid: [one.sha256, *one.marks] for uid, one in left.items()}
    return orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def left_in(memory: Path) -> dict[str, Left]:
    """How dashboards were left, as a file has it; what cannot be read there counts as never written by us."""
    try:
        told = orjson.loads(memory.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}
    members = told.items() if isinstance(told, dict) else ()
    return {uid: Left(one[0], tuple(one[1:])) for uid, one in members if isinstance(one, list) and one}
