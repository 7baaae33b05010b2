"""Memory that was freed goes back to the system: tried in a process of its own, as it holds for all of one."""

import platform
import subprocess
import sys

import pytest

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
for _ in range(40):
    blocks.append(bytearray(b"x" * 1_000_000))
    kept.append(bytearray(10_000))
del blocks
print(resident_kb() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_large_blocks_are_given_back_when_they_are_freed() -> None:
    def left_kb(*words: str) -> int:
        return int(subprocess.run([sys.executable, "-c", PROGRAM, *words], check=True, capture_output=True).stdout)

    assert left_kb("frugal") < 5_000 < 30_000 < left_kb()
