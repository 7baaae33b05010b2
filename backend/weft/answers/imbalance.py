"""How unevenly a run's hosts were used, by any metric of theirs."""

from collections.abc import Mapping
from dataclasses import dataclass

from weft.answers.answers import Answers, did_you_mean
from weft.answers.jobs import hull, resolve, unknown_hosts
from weft.answers.measured import Part, Sum, Summary, rate, read, summary, unit_of
from weft.answers.people import held
from weft.answers.plugs import plugs_of
from weft.answers.tables import Ask, TableData
from weft.answers.virtual import HostTemplate, counters
from weft.base.errors import BadRequest, UnknownName
from weft.base.formats import counted
from weft.fabric.counters import COUNTERS, PERFMGR
from weft.fabric.names import safe
from weft.metrics.store import Tell
from weft.scheduler.model import Run

MOST_RUNS = 20
"""Runs of one job (an array has a thousand) that one answer is worked out for."""


@dataclass(frozen=True, slots=True)
class Imbalance:
    """`ratio`: max / mean - 1 over the hosts' means (0: all alike), None for a mean not over 0; `host` has the most.

    `mean`: over the hosts that have data.
    """

    ratio: float | None
    host: str
    mean: float


def imbalance_of(means: Mapping[str, float]) -> Imbalance | None:
    """How far the busiest host is above the mean of all; None: no host has data.

    Source:
        Load imbalance as in Pearce, Gamblin, de Supinski, Schulz and Amato, "Quantifying the Effectiveness of Load
        Balance Algorithms", ICS 2012. (`node_imbalance` of TACC's HPCPerfStats is another one: how far the idlest host
        is below the busiest, in shares of the busiest.)
    """
    if not means:
        return None
    host = max(means, key=lambda name: means[name])
    mean = sum(means.values()) / len(means)
    return Imbalance(_above(means[host], mean), host, mean)


def _above(value: float, mean: float) -> float | None:
    """How far a value is over the mean, in shares of it; None for a mean not over 0.

    To a hundredth of a percent: hosts that were used alike differ in the last bits of their sums.
    """
    return round(value / mean - 1, 4) + 0.0 if mean > 0 else None


async def imbalance(answers: Answers, ask: Ask, job: str, metric: str) -> TableData:
    """A row a host of a job's runs, the busiest first: its mean and highest value, and how far it is from the mean."""
    if set(metric) & set("*?[]{}"):
        raise BadRequest(f"metric={metric} is a pattern.", fix="Give one metric: cpu.user, PortXmitData.")
    meant = await resolve(answers, ask, job)
    notices = [*meant.notices, *unknown_hosts(meant.runs)]
    started = [run for run in meant.runs if held(run) is not None and run.hosts]
    if len(started) > MOST_RUNS:
        notices.append(f"Only the newest {MOST_RUNS} of {len(started)} runs are looked at.")
    is_counter = metric.removesuffix(PERFMGR) in COUNTERS
    factor, unit = unit_of(metric) if is_counter else (1.0, "")
    rows: list[list[object]] = []
    for run in started[:MOST_RUNS]:
        span = hull([run], ask.now_ms)
        if span is None:
            continue
        parts = await (_ports if is_counter else _hosts)(answers, ask, run, metric, notices.append)
        sums: dict[str, Sum] = {}
        async for part, one in read(answers, parts, ask.now_ms, notices.append):
            values = rate(one.values, one.step_s, factor) if is_counter else one.values
            sums.setdefault(part.whose, Sum(span)).add(one.but(values=values))
        told = {host: summary(sums[host].values()) if host in sums else Summary(None, None) for host in run.hosts}
        rows += _rows(run, metric, unit, told, notices)
    return TableData(rows, tuple(dict.fromkeys(notices)))


async def _hosts(answers: Answers, ask: Ask, run: Run, metric: str, tell: Tell) -> list[Part]:
    """What is stored of each host under the site's template. Raises UnknownName: of none of them such a metric is."""
    span, store = held(run), answers.site.metrics
    template, cluster = HostTemplate(answers.site.settings.hosts), run.key.cluster
    named = {name: host for host in run.hosts for name in (safe(host.partition(".")[0]), safe(host))}
    found: dict[str, str] = {}
    for stored in await store.expand(template.pattern(cluster, set(named), metric), tell):
        split = template.split(stored, cluster)
        if split is not None and split[0] in named:
            found.setdefault(named[split[0]], stored)
    if not found:
        below = await store.expand(template.pattern(cluster, [safe(run.hosts[0].partition(".")[0])], "**"), tell)
        names = [split[1] for stored in below if (split := template.split(stored, cluster)) is not None]
        raise UnknownName(f"No host of job {run.label} has a metric '{metric}'.", fix=did_you_mean(metric, names))
    return [Part(stored, span, host) for host, stored in sorted(found.items()) if span is not None]


async def _ports(answers: Answers, ask: Ask, run: Run, metric: str, tell: Tell) -> list[Part]:
    """The counter at every switch port that a host hung on, as `job.<id>.ports.*` has it."""
    plugs, _ = await plugs_of(answers, [run], ask.now_ms)
    guids = {plug.switch_port.guid for plug in plugs}
    stored = await counters(answers.site.metrics, guids, "*", metric, tell)
    parts = [Part(name, plug.span, plug.host) for plug in plugs for _, name in stored.get(plug.switch_port, ())]
    if not parts:
        raise UnknownName(
            f"{metric} is kept of no port that job {run.label}'s hosts hung on.", fix="Import ibqueryerrors --counters."
        )
    return parts


def _rows(run: Run, metric: str, unit: str, told: Mapping[str, Summary], notices: list[str]) -> list[list[object]]:
    means = {host: one.mean for host, one in told.items() if one.mean is not None}
    found = imbalance_of(means)
    if found is not None and found.ratio is not None and len(means) > 1:
        notices.append(
            f"Job {run.label}: {found.host} is {found.ratio:.1%} over the mean of {counted(len(means), 'host')} "
            f"in {metric} (max / mean - 1): {means[found.host]:.4g} against {found.mean:.4g}{f' {unit}' * bool(unit)}."
        )
    blank = sorted(told.keys() - means.keys())
    if blank:
        more = " ..." * bool(blank[5:])
        notices.append(f"No data of {metric} from {len(blank)} of {len(told)} hosts: {', '.join(blank[:5])}{more}.")
    ordered = sorted(told, key=lambda host: (host not in means, -means.get(host, 0.0), host))
    return [
        [
            run.label,
            host,
            told[host].mean,
            told[host].highest,
            _above(means[host], found.mean) if found is not None and host in means else None,
            unit or None,
            run.key.text,
        ]
        for host in ordered
    ]
