"""Fields of a line: what they are called, how their values are compared, and how a line's own are cleaned."""

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from weft.logs.store import FieldValue

Kind = Literal["words", "lower", "exact", "severity", "id", "time", "job", "own"]

KINDS: Mapping[str, Kind] = {
    "message": "words",
    "host": "lower",
    "program": "exact",
    "source": "exact",
    "severity": "severity",
    "id": "id",
    "time": "time",
    "job": "job",
}
ALIASES: Mapping[str, str] = {
    "@timestamp": "time", "timestamp": "time", "level": "severity", "log.level": "severity", "msg": "message",
    "hostname": "host", "host.name": "host", "host.hostname": "host", "app": "program", "process.name": "program",
}  # fmt: skip
"""What Kibana's and Grafana's users call them."""

OWN = "fields."
"""Before the name of a line's own field, where it is also the name of another thing: `fields.job`."""

MOST_FIELDS = 50
"""A line's own fields; what is more is left out and counted."""
LONGEST_NAME = 100
LONGEST_VALUE = 1024
MOST_NUMBER = 2**63
"""A number that is larger, infinite or none (NaN) is kept as a text."""

_NOT_IN_NAMES = re.compile(r"[^\w.@-]+")


def field_named(text: str) -> str:
    """The field that a person means: `level` is severity, `fields.x` is x where nothing else is called so."""
    name = ALIASES.get(text, text)
    bare = name.removeprefix(OWN)
    return name if bare in KINDS or bare in ALIASES else bare


def own_name(name: str) -> str:
    """What a line itself calls its own field of this name."""
    return name.removeprefix(OWN)


def kind_of(name: str) -> Kind:
    """How the values of a field are compared."""
    return KINDS.get(name, "own")


def cleaned(told: Iterable[tuple[str, object]]) -> tuple[dict[str, FieldValue], int]:
    """A line's own fields as they are kept, and how many were left out or cut.

    Names are made of letters, digits and `_.@-`, values are texts, finite numbers and booleans; None is left away.
    """
    kept: dict[str, FieldValue] = {}
    lost = 0
    for name, value in told:
        clean = _NOT_IN_NAMES.sub("_", name)[:LONGEST_NAME].strip(".")
        if value is None:
            continue
        if not clean or clean in kept or len(kept) == MOST_FIELDS:
            lost += 1
            continue
        if isinstance(value, bool | int | float) and abs(value) < MOST_NUMBER:
            kept[clean] = value
        else:
            text = str(value)
            lost += len(text) > LONGEST_VALUE
            kept[clean] = text[:LONGEST_VALUE]
    return kept, lost
