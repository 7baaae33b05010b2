"""What is asked of series by tags, sorted by what it is about; and for which times somebody may ask which host."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.answers.port_table import PORT_TAGS
from weft.answers.units import UNIT_TAGS, Form, forms_of
from weft.base.intervals import Interval
from weft.metrics.tags import TagExpression, met

WHAT_TAGS = frozenset({"what", "name"})

_PLAIN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


class Hold(NamedTuple):
    """A time for which somebody may ask a host: its run's. `job`: the tag, "" where no job was asked for."""

    job: str
    cluster: str
    span: Interval


Held = Mapping[str, Sequence[Hold]]
"""Host -> times."""


@dataclass(frozen=True, slots=True)
class Question:
    """Expressions by what they ask about. `jobs`: empty when the tag `job` is not needed."""

    ports: tuple[TagExpression, ...]
    whats: tuple[TagExpression, ...]
    units: tuple[TagExpression, ...]
    jobs: tuple[TagExpression, ...]

    @property
    def hosts(self) -> list[TagExpression]:
        """What is asked of a host."""
        return [one for one in self.ports if one.tag == "host"]

    @property
    def of_hosts(self) -> bool:
        """True when what is stored of a host itself may meet it: it has nothing of a port."""
        return not any(one.needs_value for one in (*self.ports, *self.units) if one.tag != "host")

    @property
    def named(self) -> str | None:
        """The only `what` that can meet it, where one is asked for whose name can stand in a pattern."""
        said = (one.spec for one in self.whats if one.operator == "=")
        return next((spec for spec in said if _PLAIN.fullmatch(spec)), None)

    def form_of(self, counter: str) -> Form | None:
        """The first form of a counter that meets what is asked of unit and kind: the stored one where nothing is."""
        return next((form for form in forms_of(counter) if self.unit_meets(form)), None)

    def unit_meets(self, form: Form) -> bool:
        """True when a form meets what is asked of unit and kind. Raises BadRequest."""
        return all(met(one, [form.tags.get(one.tag, "")])[0] for one in self.units)

    def whats_met(self, whats: Sequence[str]) -> NDArray[np.bool_]:
        """For each counter or path whether it meets what is asked of `what`. Raises BadRequest."""
        meets = np.ones(len(whats), dtype=bool)
        for one in self.whats:
            meets &= met(one, whats)
        return meets


def question_of(expressions: Iterable[TagExpression]) -> Question | None:
    """The question; None when it needs a tag that no series here has."""
    asked: dict[str, list[TagExpression]] = {"ports": [], "whats": [], "units": [], "jobs": []}
    for one in expressions:
        if one.tag in PORT_TAGS:
            asked["ports"].append(one)
        elif one.tag in WHAT_TAGS:
            asked["whats"].append(one)
        elif one.tag in UNIT_TAGS:
            asked["units"].append(one)
        elif one.tag == "job":
            asked["jobs"].append(one)
        elif one.needs_value:
            return None
    if not any(one.needs_value for one in asked["jobs"]):
        asked["jobs"] = []
    return Question(**{part: tuple(own) for part, own in asked.items()})


def parts_of(
    span: Interval, held: Held | None, host: str, cluster: str | None = None
) -> Iterator[tuple[str, Interval]]:
    """What of a span somebody may ask about a host, and for which job.

    Args:
        held: None: all of it, for no job. cluster: whose runs alone count.
    """
    if held is None:
        yield "", span
        return
    for one in held.get(host, ()):
        part = one.span.cut(span)
        if part and cluster in (None, one.cluster):
            yield one.job, part


def hull_of(held: Held, host: str, window: Interval) -> Interval:
    """From the first to the last that somebody may ask about a host in a window; empty: nothing."""
    spans = [part for one in held.get(host, ()) if (part := one.span.cut(window))]
    if not spans:
        return Interval(0, 0)
    return Interval(min(one.from_ms for one in spans), max(one.to_ms for one in spans))
