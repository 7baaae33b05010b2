"""Memory that was freed goes back to the system: tried in a process of its own, as it holds for all of one."""

import asyncio
import platform
import subprocess
import sys

import pytest

from weft.base import memory

PROGRAM = """
import sys
from pathlib import Path
from weft.base.memory import frugal

def resident_kb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

if "frugal" in sys.argv:
    frugal()
before = resident_kb()
bytearray(30_000_000)  # after this glibc takes blocks of up to 30 MB for small ones
blocks, kept = [], []
for _ in range(8):
    blocks.append(bytearray(b"x" * 5_000_000))
    kept.append(bytearray(10_000))
del blocks
print(resident_kb() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_large_blocks_are_given_back_when_they_are_freed() -> None:
    def left_kb(*words: str) -> int:
        return int(subprocess.run([sys.executable, "-c", PROGRAM, *words], check=True, capture_output=True).stdout)

    assert left_kb("frugal") < 5_000 < 30_000 < left_kb()


class System:
    """A process: its memory in MB, what of it is in use, and how much there was whenever it was given back."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.resident, self.used, self.trimmed = 100, 100, []
        patch.setattr(memory, "resident_bytes", lambda: self.resident << 20)
        patch.setattr(memory, "_trim", self._trim)

    def _trim(self, pad: int) -> None:
        self.trimmed.append(self.resident)
        self.resident = min(self.resident, self.used)


@pytest.mark.anyio
async def test_free_memory_is_given_back_when_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(monkeypatch)
    monkeypatch.setattr(memory, "IDLE_S", 0.0)
    free = memory.FreeMemory()
    system.used = 150
    for now_mb in (101, 107, 160, 151, 107):
        system.resident = now_mb
        for _ in range(3):  # of several answers in a row only the last one's time counts
            free.answered()
        await asyncio.sleep(0.01)
    # What it was at its least, 100 MB, counts: what is resident and free looks as what is in use.
    assert system.trimmed == [160, 151]


@pytest.mark.anyio
async def test_much_free_memory_is_given_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(monkeypatch)
    free = memory.FreeMemory()
    for now_mb in (164, 165, 164):
        system.resident = now_mb
        free.answered()
    assert system.trimmed == [165]
    # Of more that is in use it is tried once, and not after every answer.
    system.used = system.resident = 180
    for _ in range(3):
        free.answered()
    assert system.trimmed == [165, 180]
