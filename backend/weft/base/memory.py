"""How a server takes memory from the system, and gives back what is free.

The C library keeps what was freed for later and in pieces, so a server would stay as large as its largest answer, and
grow with answers of other shapes.
"""

import ctypes
import os
from pathlib import Path
from typing import Final

SLACK_BYTES: Final = 8 << 20
"""How much more than after the last time there must be before it is tried again: it takes some milliseconds."""

LARGE_BYTES: Final = 128 * 1024
"""What glibc counts as large before it learns otherwise."""
KEPT_BYTES: Final = 2 * 1024 * 1024
"""What is kept of that all the same: to give back a chunk of an answer and take it anew for the next doubles the
processor time of large answers (190 ms in place of 110 for 50 MB)."""

# Names and numbers: man 3 mallopt, <malloc.h> of glibc.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8

_STATM: Final = Path("/proc/self/statm")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_library: Final = ctypes.CDLL(None)
_trim = getattr(_library, "malloc_trim", None)
"""glibc's; other libraries have none."""


def frugal() -> None:
    """Have large blocks given back when they are freed, and threads share what they take; for glibc, else nothing.

    By itself glibc keeps them once some were freed, up to 32 MB, and takes an arena for each thread: 25 MB of a server
    that knows a fabric of 12,000 hosts.
    """
    mallopt = getattr(_library, "mallopt", None)
    if mallopt is not None:
        for parameter, value in (
            (_MMAP_THRESHOLD, LARGE_BYTES),
            (_TRIM_THRESHOLD, LARGE_BYTES),
            (_TOP_PAD, KEPT_BYTES),
            (_ARENA_MAX, 1),
        ):
            mallopt(parameter, value)


def resident_bytes() -> int:
    """What of this process lies in memory; 0 where the system does not tell."""
    try:
        return int(_STATM.read_bytes().split()[1]) * _PAGE
    except OSError:
        return 0


class FreeMemory:
    """Gives free memory back when much has become of it."""

    def __init__(self) -> None:
        self._least = resident_bytes()

    def give_back(self) -> None:
        """Do so where it is worth while."""
        # What others still need was not given back the last time.
        self._least = min(self._least, now := resident_bytes())
        if _trim is None or now < self._least + SLACK_BYTES:
            return
        _trim(0)
        self._least = resident_bytes()
