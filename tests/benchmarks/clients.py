"""Several clients at once: how many answers a second a server gives."""

import time
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from multiprocessing import get_context

from tests.benchmarks.asked import get, panel

CLIENTS, SECONDS = 4, 10


def answers_per_s(url: str, until_s: int) -> float:
    """Of a panel of 20 series, asked by 4 processes for 10 s, each anew as soon as it has an answer."""
    with ProcessPoolExecutor(CLIENTS, get_context("spawn")) as pool:
        # The first time a process only starts, and the server reads what it keeps.
        list(pool.map(_asked, [url] * CLIENTS, [until_s] * CLIENTS, [0.5] * CLIENTS))
        return sum(pool.map(_asked, [url] * CLIENTS, [until_s] * CLIENTS, [SECONDS] * CLIENTS))


def _asked(url: str, until_s: int, seconds: float) -> float:
    """Answers a second that one client got."""
    ask, begin = panel(until_s), time.monotonic()
    for number in count(1):
        get(url + ask(number))
        if (spent := time.monotonic() - begin) >= seconds:
            break
    return number / spent
