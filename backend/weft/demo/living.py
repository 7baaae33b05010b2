"""The demo's world as it goes on: what its tools would print of any stretch of time, until now."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from weft.demo.archives import points_at
from weft.demo.dumps import dump_lfts, ibnetdiscover, ibqueryerrors_counters, sacct
from weft.demo.jobs import Job, Scheduler
from weft.demo.series import Load, Traffic
from weft.demo.site import Story
from weft.demo.syslog import syslog

SWEEP_S = 300
"""Time between two sweeps of the fabric and of its counters."""


@dataclass(slots=True)
class World:
    """A story that goes on: everything in it follows from the story and the time it was brought to."""

    story: Story
    scheduler: Scheduler = field(init=False)
    traffic: Traffic = field(init=False)
    load: Load = field(init=False)

    def __post_init__(self) -> None:
        self.scheduler, self.traffic, self.load = Scheduler(self.story), Traffic(self.story), Load(self.story)

    @property
    def jobs(self) -> dict[int, Job]:
        """Every job submitted so far, by id."""
        return self.scheduler.jobs

    def go_on(self, at_s: int) -> None:
        """Let the jobs come, start and end up to that time."""
        self.scheduler.advance(at_s)
        self.traffic.take(self.jobs.values())

    def points(self, at_s: int) -> list[tuple[str, float]]:
        """One value of every series."""
        return points_at(self.traffic, self.load, self.jobs, at_s)

    def told_day(self) -> dict[str, str]:
        """What the tools printed on the day of the story: text by file name."""
        story, now = self.story, self.story.built_s
        texts = {f"ibnetdiscover-{_stamp(at_s)}.txt": ibnetdiscover(story, at_s) for at_s in story.sweep_times()}
        texts[f"ibqueryerrors-counters-{_stamp(now)}.txt"] = ibqueryerrors_counters(self.traffic.readings(now))
        texts[f"sacct-{_stamp(now)}.txt"] = sacct((j for j in self.jobs.values() if _touches(j, story.begin_s)), now)
        texts[f"syslog-{_stamp(now)}.txt"] = syslog(story, self.jobs.values(), story.begin_s, now)
        return texts

    def tables_of_day(self) -> dict[int, dict[str, str]]:
        """Forwarding tables, which tell no time themselves: text by file name, by when they were read."""
        return {
            at_s: {f"dump_lfts-{_stamp(at_s)}.txt": dump_lfts(self.story, at_s)} for at_s in self.story.table_times()
        }

    def told_since(self, told_s: int, at_s: int, *, sweep: bool) -> dict[str, str]:
        """What the tools print of `(told_s, at_s]`: text by file name, the same names every time."""
        texts = {}
        changed = [job for job in self.jobs.values() if _changed(job, told_s, at_s)]
        if changed:
            texts["sacct-live.txt"] = sacct(changed, at_s)
        if lines := syslog(self.story, self.jobs.values(), told_s, at_s):
            texts["syslog-live.txt"] = lines
        if sweep:
            texts["ibnetdiscover-live.txt"] = ibnetdiscover(self.story, at_s)
            texts["ibqueryerrors-counters-live.txt"] = ibqueryerrors_counters(self.traffic.readings(at_s))
        return texts


def _touches(job: Job, from_s: int) -> bool:
    return job.end_s is None or job.end_s > from_s


def _changed(job: Job, told_s: int, at_s: int) -> bool:
    moments = (job.submit_s, job.start_s, job.end_s)
    return any(moment is not None and told_s < moment <= at_s for moment in moments)


def _stamp(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y%m%dT%H%M%SZ}"
