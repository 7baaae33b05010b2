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


@pytest.mark.anyio
async def test_free_memory_is_given_back_when_much_has_become_of_it_and_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resident_mb, trimmed = [100], []

    def trim(pad: int) -> None:
        trimmed.append(resident_mb[0])
        resident_mb[0] = min(resident_mb[0], 150)

    monkeypatch.setattr(memory, "resident_bytes", lambda: resident_mb[0] << 20)
    monkeypatch.setattr(memory, "_trim", trim)
    monkeypatch.setattr(memory, "IDLE_S", 0.0)
    free = memory.FreeMemory()
    for now_mb in (101, 107, 200, 151, 107):
        resident_mb[0] = now_mb
        for _ in range(3):  # of several answers in a row only the last one's time counts
            free.give_back_when_idle()
        await asyncio.sleep(0.01)
    # What it was at its least, 100 MB, counts: what is resident and free looks as what is in use.
    assert trimmed == [200, 151]
