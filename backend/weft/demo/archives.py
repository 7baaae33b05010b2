"""The demo's metrics on disk: every series as a whole whisper file up to a moment, and the points of one moment.

All of it computes and writes for seconds: call it from a thread.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from weft.demo.jobs import Job
from weft.demo.series import COUNTERS, HOST_METRICS, Floats, Load, Times, Traffic, counter_name, host_metric_name
from weft.demo.site import DAY, HOSTS, STEP

RETENTION = "10s:1h,1m:2d"
FINE_SLOTS, COARSE_STEP, COARSE_SLOTS = 360, 60, 2880
PORTS = 200
"""Ports computed at once: 5 counters x 200 x 2880 points are 23 MB."""
CHUNK = 6 * 60
"""Minutes of which host metrics are computed at once: 322 hosts x 4 metrics x 2160 points are 22 MB."""


class Archives(Protocol):
    """Where whole files go: WhisperWriter."""

    def write_archives(
        self, name: str, rings: Sequence[tuple[int, Floats]], *, aggregation: str = "last", xff: float = 0.0
    ) -> None:
        """Write one whole file: for each archive, finest first, the first slot's time in s and its values."""


def write_all(writer: Archives, traffic: Traffic, load: Load, jobs: Mapping[int, Job], until_s: int) -> Iterator[str]:
    """Write every series from the story's begin (or two days back) up to and including until_s; gives each name."""
    begin_s = max(traffic.story.begin_s, until_s - 2 * DAY)
    coarse = np.arange(-(-begin_s // COARSE_STEP) * COARSE_STEP, until_s + 1, COARSE_STEP)[-COARSE_SLOTS:]
    fine = np.arange(max(begin_s, until_s - FINE_SLOTS * STEP + STEP), until_s + 1, STEP)
    for name, coarse_values, fine_values in _counters(traffic, coarse, fine):
        writer.write_archives(name, ((int(fine[0]), fine_values), (int(coarse[0]), coarse_values)))
        yield name
    for name, coarse_values, fine_values in _host_metrics(load, jobs, coarse, fine):
        rings = ((int(fine[0]), fine_values), (int(coarse[0]), coarse_values))
        writer.write_archives(name, rings, aggregation="average")
        yield name


def points_at(traffic: Traffic, load: Load, jobs: Mapping[int, Job], at_s: int) -> list[tuple[str, float]]:
    """One value of every series at a time (a multiple of 10 s); NaN where nothing was measured."""
    now = np.array([at_s])
    points = []
    for counter, values in traffic.at(now).items():
        points += [
            (counter_name(port, counter), value) for port, value in zip(traffic.ports, values[:, 0], strict=True)
        ]
    for port, errors in traffic.errors(now).items():
        points += [(counter_name(port, counter), value[0]) for counter, value in errors.items()]
    for metric, values in load.at(jobs, now).items():
        points += [(host_metric_name(host, metric), value) for host, value in zip(HOSTS, values[:, 0], strict=True)]
    return points


def _counters(traffic: Traffic, coarse: Times, fine: Times) -> Iterator[tuple[str, Floats, Floats]]:
    """Name, coarse and fine values of every counter; a minute keeps its last point, as whisper's `last` does."""
    last_of_minute = np.minimum(coarse + COARSE_STEP - STEP, fine[-1])
    slow_progress, fast_progress = traffic.progress(last_of_minute), traffic.progress(fine)
    for first in range(0, len(traffic.ports), PORTS):
        rows = slice(first, first + PORTS)
        slow, fast = traffic.at(last_of_minute, rows, slow_progress), traffic.at(fine, rows, fast_progress)
        for row, port in enumerate(traffic.ports[rows]):
            for counter in COUNTERS:
                yield counter_name(port, counter), slow[counter][row], fast[counter][row]
    slow_errors, fast_errors = traffic.errors(last_of_minute), traffic.errors(fine)
    for port, errors in slow_errors.items():
        for counter, values in errors.items():
            yield counter_name(port, counter), values, fast_errors[port][counter]


def _host_metrics(
    load: Load, jobs: Mapping[int, Job], coarse: Times, fine: Times
) -> Iterator[tuple[str, Floats, Floats]]:
    """Name, coarse and fine values of every host metric; a minute is the mean of the points it has."""
    slow = {metric: np.full((len(HOSTS), len(coarse)), np.nan) for metric in HOST_METRICS}
    slots = COARSE_STEP // STEP
    for first in range(0, len(coarse), CHUNK):
        minutes = coarse[first : first + CHUNK]
        told = load.at(jobs, (minutes[:, None] + np.arange(0, COARSE_STEP, STEP)).ravel())
        for metric, values in told.items():
            shaped = values.reshape(len(HOSTS), len(minutes), slots)
            known = ~np.isnan(shaped) & ((minutes[:, None] + np.arange(0, COARSE_STEP, STEP)) <= fine[-1])
            total = np.where(known, shaped, 0).sum(axis=2)
            count = known.sum(axis=2)
            slow[metric][:, first : first + CHUNK] = np.where(count, total / np.maximum(count, 1), np.nan)
    fast = load.at(jobs, fine)
    for row, host in enumerate(HOSTS):
        for metric in HOST_METRICS:
            yield host_metric_name(host, metric), slow[metric][row], fast[metric][row]
