"""How a server takes memory from the system, and gives back what is free.

The C library keeps what was freed for later and in pieces, so a server would stay as large as its largest answer, and
grow with answers of other shapes. To give everything back at once is no better: the pages of the next answer are then
made anew, which takes as long as a sum over them.
"""

import asyncio
import ctypes
import os
from pathlib import Path
from typing import Final

SLACK_BYTES: Final = 8 << 20
"""How much more than it was at its least there must be."""
MUCH_BYTES: Final = 64 << 20
"""How much more than when it was last given back is too much to keep for the next answer."""
IDLE_S: Final = 30.0
"""How long nothing must have been answered: it takes some milliseconds, and more in the answer after it."""

LARGE_BYTES: Final = 4 << 20
"""What is given back as soon as it is freed: numpy has such arrays lie in pages of 2 MB, of which a few are soon made.
By itself glibc keeps blocks of up to 32 MB once some were freed."""
KEPT_BYTES: Final = 64 << 20
"""What is kept of smaller blocks for the next answer."""

# Names and numbers: man 3 mallopt, <malloc.h> of glibc.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8

_STATM: Final = Path("/proc/self/statm")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_library: Final = ctypes.CDLL(None)
_trim = getattr(_library, "malloc_trim", None)
"""glibc's; other libraries have none."""


def frugal() -> None:
    """Have large blocks given back when they are freed, and threads share what they take; for glibc, else nothing.

    By itself glibc takes an arena for each thread: with what it keeps that is 25 MB of a server that knows a fabric of
    12,000 hosts.
    """
    mallopt = getattr(_library, "mallopt", None)
    if mallopt is not None:
        for parameter, value in ((_MMAP_THRESHOLD, LARGE_BYTES), (_TRIM_THRESHOLD, KEPT_BYTES), (_ARENA_MAX, 1)):
            mallopt(parameter, value)


def resident_bytes() -> int:
    """What of this process lies in memory; 0 where the system does not tell."""
    try:
        return int(_STATM.read_bytes().split()[1]) * _PAGE
    except OSError:
        return 0


def give_back() -> None:
    """Give back what is free, before much more is taken; some milliseconds."""
    if _trim is not None:
        _trim(0)


class FreeMemory:
    """Gives free memory back after an answer: at once when much has become of it, else when nothing is asked for a
    while."""

    def __init__(self) -> None:
        self._least = self._left = resident_bytes()
        self._due: asyncio.TimerHandle | None = None

    def answered(self) -> None:
        """Say that an answer has been given; in the running event loop."""
        if _trim is None:
            return
        if resident_bytes() > self._left + MUCH_BYTES:
            self._give_back()
        if self._due is not None:
            self._due.cancel()
        self._due = asyncio.get_running_loop().call_later(IDLE_S, self._when_idle)

    def _when_idle(self) -> None:
        # What is resident and free looks as what is in use: so it is tried again while there is more than there once
        # was.
        if resident_bytes() > self._least + SLACK_BYTES:
            self._give_back()
        self._least = min(self._least, resident_bytes())

    def _give_back(self) -> None:
        give_back()
        self._left = resident_bytes()
