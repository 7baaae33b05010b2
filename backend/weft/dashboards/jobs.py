"""A board for each run that qualifies, and which do."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from hashlib import sha256

from weft.answers.answers import Answers
from weft.answers.virtual import HostTemplate
from weft.base.intervals import Interval, datetime_of
from weft.dashboards.board import MOST_UID, Board, Mark
from weft.dashboards.standing import CHANGES, rate
from weft.dashboards.words import lines, series, table, topology
from weft.fabric.names import safe
from weft.inventory.store import RunFilter
from weft.metrics.store import Tell
from weft.scheduler.model import Run

PAGE = 500
_RAW = ("switch_guid", "hca_guid", "guid", "fabric", "run", "job", "cluster")
MARGIN = 20
"""The board shows a twentieth of the run's time before its start and after its end."""
LEAST_MARGIN_MS = 60_000
MOST_METRICS = 12
"""Graphs of what is stored of hosts."""


def qualifies(run: Run, now_ms: int, *, ended_within_ms: int, least_hosts: int) -> bool:
    """Whether a run has a board: it is running or ended lately, and is large enough."""
    start_ms = run.key.start_ms
    if start_ms is None or start_ms > now_ms or len(run.hosts) < least_hosts:
        return False
    return run.end_ms is None or run.end_ms > now_ms - ended_within_ms


async def qualifying(answers: Answers, now_ms: int, *, ended_within_ms: int, least_hosts: int) -> list[Run]:
    """Every run that has a board now, newest first."""
    window = Interval(now_ms - ended_within_ms, now_ms + 1)
    found: list[Run] = []
    cursor: str | None = None
    while True:
        page = await answers.site.jobs.runs(RunFilter(window=window), limit=PAGE, cursor=cursor)
        found += [
            run
            for run in page.items
            if qualifies(run, now_ms, ended_within_ms=ended_within_ms, least_hosts=least_hosts)
        ]
        cursor = page.cursor
        if cursor is None:
            return found


async def metrics_of(answers: Answers, run: Run, tell: Tell) -> list[str]:
    """Paths below a host of the run that are stored, of its first host; the first MOST_METRICS by name."""
    template, cluster = HostTemplate(answers.site.settings.hosts), run.key.cluster
    names = {name for host in run.hosts[:1] for name in (safe(host), safe(host.partition(".")[0]))}
    stored = await answers.site.metrics.expand(template.pattern(cluster, names, "**"), tell)
    return sorted({split[1] for name in stored if (split := template.split(name, cluster)) is not None})[:MOST_METRICS]


def uid_of(run: Run) -> str:
    """The board's uid: stable for a run, and of at most 40 characters of those that Grafana allows."""
    told = f"weft-job-{run.key.cluster}-{run.key.job_id}-{(run.key.start_ms or 0) // 1000}"
    plain = "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "_" for one in told)
    return plain if plain == told and len(plain) <= MOST_UID else f"weft-job-{sha256(told.encode()).hexdigest()[:31]}"


def job_board(run: Run, cluster: str, metrics: Sequence[str], zone: tzinfo) -> Board:
    """The board of one run.

    Args:
        cluster: the site's own, whose jobs need no prefix.
        metrics: paths below the run's hosts that are stored, one graph each.
    """
    start_ms = run.key.start_ms or 0
    typed = run.label if run.key.cluster == cluster else f"{run.key.cluster}:{run.label}"
    # A run is asked by its key: an id that came again means another one.
    job = f"job={run.key.text}"
    node = run.label.replace("+", "-")
    node = node if run.key.cluster == cluster else f"{run.key.cluster}--{node}"
    ports, routes = f"job.{node}.ports.*.*", f"job.{node}.routes.*.*"
    since, until = _span(run, start_ms)
    begun = datetime.fromtimestamp(start_ms / 1000, zone).strftime("%Y-%m-%d %H:%M")
    return Board(
        uid_of(run),
        f"Job {typed} · {run.user or 'user unknown'} · {begun}",
        (
            table("Job", f"job {job}", width=24, height=4, hidden=_RAW),
            table("Where it lay", f"placement {job}", width=24, height=5, hidden=_RAW,
                  says="Leaf switches against the fewest possible, mean hops against the best, and who lay apart."),
            topology("Its routes in the fabric", job, rate(f"{routes}.{{PortXmitData,PortRcvData}}"), job,
                     says="The fabric at the end of the time range; ports on its routes by what everybody sent there."),
            series("Received by its hosts", f"aliasByTags({rate(f'{ports}.PortXmitData')}, 'host', 'switch', 'port')",
                   unit="Bps", says="What the switch ports sent to them, shared with whoever else was on the host.",
                   height=9),
            series("Sent by its hosts", f"aliasByTags({rate(f'{ports}.PortRcvData')}, 'host', 'switch', 'port')",
                   unit="Bps", says="What the switch ports received from them.", height=9),
            series("Congestion on its routes",
                   f"aliasByTags(highestAverage(perSecond({routes}.PortXmitWait), 10), 'switch', 'port', 'basis')",
                   says="XmitWait a second, in ticks of the device; `possible`: it may have crossed the port."),
            series("Traffic on its routes",
                   f"aliasByTags(highestAverage({rate(f'{routes}.PortXmitData')}, 10), 'switch', 'port', 'basis')",
                   unit="Bps", says="Of everybody who used these ports."),
            *(series(f"Hosts: {metric}", f"aliasByNode(job.{node}.hosts.*.{metric}, 3)") for metric in metrics),
            table("Neighbours", f"job_neighbours {job}", hidden=_RAW, empty="No other job was near."),
            table("Routes", f"job_routes {job}", hidden=_RAW),
            table("Hosts to exchange", f"placement_swaps {job}", hidden=_RAW, empty="No exchange would have helped."),
            table("Imbalance of its traffic", f"imbalance {job} metric=PortXmitData", hidden=("unit", *_RAW),
                  mean="Bps", max="Bps"),
            table("Cables", f"job_cables {job}", hidden=_RAW),
            lines("What its hosts said", f"logs {job}", empty="They said nothing."),
        ),
        marks=(
            Mark("This job", f"jobs {job}", "blue"),
            Mark("Warnings of its hosts", f"logs severity:>=warning {job}", "red"),
            CHANGES,
        ),
        tags=("weft-job", f"user:{run.user}" if run.user else "weft-job"),
        since=since,
        until=until,
        refresh="30s" if run.end_ms is None else "",
        says=f"{run.name or 'Unnamed'} on {len(run.hosts)} hosts of {run.partition or 'an unknown partition'}. "
        "Made by Weft; removed when the job is old.",
    )  # fmt: skip


def _span(run: Run, start_ms: int) -> tuple[str, str]:
    """From and until of a run's board."""
    end_ms = run.end_ms
    margin_ms = LEAST_MARGIN_MS if end_ms is None else max(LEAST_MARGIN_MS, (end_ms - start_ms) // MARGIN)
    return _moment(start_ms - margin_ms), "now" if end_ms is None else _moment(end_ms + margin_ms)


def _moment(at_ms: int) -> str:
    """A time as a dashboard's JSON has it: epoch ms Grafana reads in addresses only."""
    return datetime_of(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
