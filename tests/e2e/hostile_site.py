"""What hostile requests are sent to: a small site with much to ask for, and a watch over what its server takes."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import numpy as np

from api.site import LEAF01, NOW_S, fill, settings_in
from e2e.served import ENVIRONMENT, Served
from weft.metrics.tags import stored_as
from weft.metrics.whisper import POINTS, head_bytes

ORDINARY = f"target=sumSeries(wide.g0.*.load)&target=wide.g1.h00.load&from={NOW_S - 3600}&until={NOW_S}&now={NOW_S}"
"""What somebody else asks meanwhile: of 101 series the last hour, 361 values each."""
EVERY_S = 0.5
"""How often."""

WIDE = [f"wide.g{group}.h{host:02d}.load" for group in range(20) for host in range(100)]
"""2,000 series, a value every ten seconds for a week, then every ten minutes for two years."""
LONG = ("long.seconds", "long.tens", "long.minutes")
"""A value a second for a year, every ten seconds for five years, a minute for twenty."""
TAGGED = [f"cpu;core={core};host=h{host};rack=r{host % 4}" for core in range(4) for host in range(50)]
PORTS = [f"fabric.{LEAF01}.{port}.{what}" for port in range(1, 37) for what in ("PortXmitWait", "PortRcvData")]
HOSTS = [f"demo.node{host:03d}.core{core}.busy" for host in range(1, 5) for core in range(64)]
"""What virtual names lead to."""
ODD = ["odd.a-b_c", "odd.x{y}", "odd.%d%s%n", "odd.üñí", "odd.$1", "odd.(a)", "odd.a'b"]


def fill_tree(root: Path) -> None:
    """Write the series. Files have holes where nothing was ever written, so the tree takes little of the disk."""
    wave = np.round(50 + 40 * np.sin(np.arange(2160) / 50), 3)
    for place, name in enumerate(WIDE):
        _write(root, name, [(10, 60_480), (600, 105_120)], np.roll(wave, place))
    for name, archive in zip(LONG, ((1, 31_536_000), (10, 15_768_000), (60, 10_512_000)), strict=True):
        _write(root, name, [archive], wave)
    for name in TAGGED:
        _write(root, stored_as(name)[0], [(10, 8640)], wave[:360])
    for name in (*ODD, *PORTS, *HOSTS):
        _write(root, name, [(10, 8640)], wave[:360])


def _write(root: Path, name: str, archives: list[tuple[int, int]], values: np.ndarray) -> None:
    """A file whose finest archive holds these values at its beginning, the last of them now."""
    step_s = archives[0][0]
    ring = np.zeros(len(values), POINTS)
    ring["time"] = NOW_S - step_s * np.arange(len(values))[::-1]
    ring["value"] = values
    path = root / f"{name.replace('.', '/')}.wsp"
    path.parent.mkdir(parents=True, exist_ok=True)
    head = head_bytes(archives, "average", 0.0)
    with path.open("wb") as file:
        file.write(head + ring.tobytes())
        file.truncate(len(head) + 12 * sum(points for _, points in archives))


@contextmanager
def hostile_site(folder: Path, settings_too: Mapping[str, str]) -> Iterator[Served]:
    """A server of such a site: the fabric and the jobs of `api.site`, and these series; with more of its settings, as
    names and values in the environment."""
    folder.mkdir()
    settings = settings_in(folder)
    asyncio.run(fill(settings))
    fill_tree(folder / "whisper")
    environment = {**ENVIRONMENT, "WEFT_SITE__CLUSTER": "demo", "WEFT_SITE__FABRIC": "ib", **settings_too}
    with Served(folder, environment=environment) as server:
        yield server


class Memory:
    """Resident memory of a process."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")

    def forget(self) -> None:
        """Let the peak begin anew."""
        (self._proc / "clear_refs").write_text("5")

    def peak_mb(self) -> float:
        """The most since then."""
        lines = (self._proc / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


class Watch:
    """How long a server takes for something that this thread waits for, from the making of this on.

    What threads of both wait for a processor that others have is not the server's fault. Linux tells it of each thread,
    in nanoseconds, as the second number in its `schedstat`; where it does not, the clock alone counts.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._queued, self._used_s = self._queued_ns(), self._processor_s()
        self._began_s = time.monotonic()

    def took_s(self) -> tuple[float, float]:
        """How long it has taken by the clock, and how long it would have taken on a machine of its own."""
        clock_s = time.monotonic() - self._began_s
        queued_ns = sum(ns - self._queued.get(task, 0) for task, ns in self._queued_ns().items())
        return clock_s, max(clock_s - queued_ns / 1e9, self._processor_s() - self._used_s)

    def _queued_ns(self) -> dict[Path, int]:
        queued: dict[Path, int] = {}
        for task in (*Path(f"/proc/{self._pid}/task").iterdir(), Path("/proc/thread-self")):
            with suppress(OSError):
                queued[task] = int((task / "schedstat").read_text().split()[1])
        return queued

    def _processor_s(self) -> float:
        words = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Bystander:
    """Somebody else, who asks an ordinary question twice a second while the block runs."""

    def __init__(self, server: Served) -> None:
        self._url, self._pid = f"{server.url}/graphite/render?{ORDINARY}", server.pid
        self._client = httpx.Client(timeout=60)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.waits_s: list[tuple[float, float]] = []
        """How long each answer took, as Watch tells it."""
        self.answers: set[bytes] = set()

    def __enter__(self) -> "Bystander":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._client.close()

    def _ask(self) -> None:
        while not self._over.wait(EVERY_S):
            watch = Watch(self._pid)
            answer = self._client.get(self._url)
            self.waits_s.append(watch.took_s())
            self.answers.add(answer.content if answer.status_code == 200 else b"%d" % answer.status_code)
