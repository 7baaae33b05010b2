"""The Debian packages that the servers stand on: one list, installed where something is missing and we may."""

import os
import subprocess
from pathlib import Path

from tests.services import process

LIST = Path(__file__).with_name("packages.txt")


def names() -> list[str]:
    """What the list names."""
    lines = (line.partition("#")[0].strip() for line in LIST.read_text().splitlines())
    return [name for name in lines if name]


def missing() -> list[str]:
    """What of the list is not installed. Raises RuntimeError: no Debian."""
    asked = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *names()]
    try:
        told = subprocess.run(asked, check=False, capture_output=True, text=True).stdout.splitlines()
    except FileNotFoundError:
        raise RuntimeError(f"This is no Debian; install what it calls {', '.join(names())}.") from None
    there = {name for name, _, status in (line.partition(" ") for line in told) if status == "installed"}
    return [name for name in names() if name not in there]


def install() -> str:
    """Install what is missing; what was done.

    Raises:
        RuntimeError: something is missing and we are neither root nor may become it, or apt-get failed.
    """
    wanted = missing()
    if not wanted:
        return "all there"
    become = [] if os.geteuid() == 0 else ["sudo", "-n"]
    try:
        process.run([*become, "true"])
    except RuntimeError:
        raise RuntimeError(f"Not root; as root: apt-get install {' '.join(wanted)}") from None
    apt = [*become, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    process.run([*apt, "update"])
    process.run([*apt, "install", "--yes", "--no-install-recommends", *wanted])
    return f"installed {' '.join(wanted)}"
