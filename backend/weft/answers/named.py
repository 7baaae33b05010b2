"""Jobs as names and tags write them, and what one request has made of them so far."""

import re
from dataclasses import dataclass, field

from weft.answers.answers import Answers
from weft.answers.people import may_see
from weft.base.access import Viewer
from weft.base.intervals import Interval
from weft.fabric.names import safe
from weft.inventory.store import FabricSpan
from weft.scheduler.model import Run

_JOB = re.compile(r"(?:(?P<cluster>[A-Za-z0-9_-]+?)--)?(?P<label>\d+(?:[_-]\d+)?)")


def job_node(run: Run, cluster: str) -> str:
    """A run's job as one node of a name: `4711`, `4711_5`, `4711-1`, `<cluster>--4711`."""
    label = run.label.replace("+", "-")
    return label if run.key.cluster == cluster else f"{safe(run.key.cluster)}--{label}"


@dataclass(slots=True)
class Request:
    """One request: who asks about what time, notices so far, and the runs that its job ids mean."""

    window: Interval
    viewer: Viewer
    now_ms: int
    notices: dict[str, None] = field(default_factory=dict)
    named: dict[str, list[Run]] = field(default_factory=dict)

    def tell(self, notice: str) -> None:
        """Say something once."""
        self.notices.setdefault(notice)


async def name_typed(answers: Answers, request: Request, word: str) -> None:
    """Find the viewer's runs that a job means as it was typed; nothing is named by what is no job."""
    found = _JOB.fullmatch(word)
    if found is None:
        return
    cluster = found["cluster"] or answers.site.settings.cluster
    runs = await answers.site.jobs.find(found["label"].replace("-", "+"), cluster, request.window)
    seen = [run for run in runs if may_see(request.viewer, run)]
    if len(seen) > 1:
        request.tell(f"job.{word} is {len(seen)} runs in this window.")
    request.named[word] = seen


def tell_early(answers: Answers, request: Request, fabric: FabricSpan) -> None:
    """Say that a fabric was not seen yet when the window begins, see `virtual.since_ever`."""
    if request.window.from_ms < fabric.first_ms:
        first = answers.when(fabric.first_ms)
        request.tell(f"Fabric {fabric.name} was first seen at {first}: names before are those of that time.")
