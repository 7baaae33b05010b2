"""Points handed to carbon, which writes them into files when it likes, by its own retention rules.

carbon acknowledges nothing. But it hangs up when it has read a connection to its end, so a sweep counts as stored once
carbon has hung up after the last point: then every point is in its cache, where the caches' answers show it. What is in
the cache only is lost with the process (`kill -9`), and carbon drops without a word what comes over MAX_CACHE_SIZE, or
over MAX_CREATES_PER_MINUTE for new series (Debian: 50): the next sweep tells how many it has not kept.
"""

import asyncio
import logging
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from weft.base.errors import BadSettings, Unavailable
from weft.metrics.carbon import Caches, Held, framed, reason
from weft.metrics.series import Values
from weft.metrics.writer import AHEAD_S, WhisperWriter, checked_name, wanted_points

log = logging.getLogger(__name__)

BATCH: Final = 500
"""Points in one pickle: at most half a megabyte, of the one that carbon reads (PICKLE_RECEIVER_MAX_LENGTH)."""
PATIENCE_S: Final = 30.0
"""How long carbon may take for a batch, and for the rest at the end. It stops reading while its cache is full."""

_TARGET = re.compile(r"(line|pickle)://(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):([0-9]{1,5})/?")


class CarbonWriter:
    """Hands points over as WhisperWriter writes them; works on a network, so call it from a thread.

    Writing the same sweep twice changes nothing. A late one is put into its own slots, unless carbon's rules have made
    the finest archive too short for it.

    Args:
        target: `line://host:port` or `pickle://host:port`, of a carbon-cache or a relay before several.
        files: reads the tree that carbon writes. caches: makes a connection to the caches of it.
    Raises:
        BadSettings: not such a target.
    """

    def __init__(self, target: str, files: WhisperWriter, caches: Callable[[], Caches]) -> None:
        found = _TARGET.fullmatch(target)
        if found is None or not 0 < int(found[3]) < 65536:
            raise BadSettings(
                f"Setting 'carbon.write' = '{target}' is no address of carbon.",
                fix="Write line://host:2003 or pickle://host:2004.",
            )
        self._target, self._address = target, (found[2].strip("[]"), int(found[3]))
        self._encoded = _lines if found[1] == "line" else _pickles
        self._files, self._caches = files, caches
        self._handed: tuple[int, frozenset[str]] = (0, frozenset())

    def write(self, at_s: int, points: Iterable[tuple[str, float]]) -> int:
        """Hand over one value a series, all of one time (epoch s), without gaps.

        Returns:
            How many carbon has read: all, or none when the time lies over a minute in the future.
        Raises:
            BadInput: a name that cannot be a file; then nothing was sent.
            Unavailable: carbon does not take them, or not all: handing them over again is harmless.
        """
        wanted = wanted_points(points)
        if not wanted or at_s - time.time() > AHEAD_S:
            return 0
        try:
            with socket.create_connection(self._address, PATIENCE_S) as link:
                for message in self._encoded(at_s, wanted):
                    link.sendall(message)
                link.shutdown(socket.SHUT_WR)
                while link.recv(4096):
                    pass
        except OSError as exc:
            raise Unavailable(
                f"carbon at {self._target} does not take points: {reason(exc)}.",
                fix="Start it; what waits in the spool is handed over then. (Without carbon.write Weft writes files.)",
            ) from exc
        self._handed = at_s, frozenset(name for name, _ in wanted)
        return len(wanted)

    def latest(self, names: Sequence[str], *, before_s: int | None = None) -> Values:
        """The newest value of each series, in a cache or on disk, NaN where there is none.

        Args:
            before_s: only what is older than this time (epoch s); on disk, than the slot that holds it.
        Raises:
            Unavailable: a cache does not tell what it holds, so what is newest is not known.
        """
        checked = [checked_name(name) for name in names]
        # Before the files: what is written in between is in both.
        held = asyncio.run(self._held(checked))
        if held.away:
            raise Unavailable(
                f"carbon-cache {', '.join(held.away)} does not tell what it holds.",
                fix="Start it; what waits in the spool is read then.",
            )
        times_s, values = self._files.newest(checked, before_s=before_s)
        for i, name in enumerate(checked):
            if (points := held.points.get(name)) is not None:
                older = len(points.times_s) if before_s is None else int(np.searchsorted(points.times_s, before_s))
                if older and points.times_s[older - 1] >= times_s[i]:
                    values[i] = points.values[older - 1]
        self._tell_lost(checked, values, before_s, held)
        return values

    async def _held(self, names: Sequence[str]) -> Held:
        async with self._caches() as caches:
            return await caches.points(names)

    def _tell_lost(self, names: Sequence[str], values: Values, before_s: int | None, held: Held) -> None:
        """A line in the log when carbon has kept nothing, however new, of series that were handed over."""
        at_s, handed = self._handed
        if before_s is not None and before_s <= at_s:
            return
        unknown = [name for name, gone in zip(names, np.isnan(values).tolist(), strict=True) if gone and name in handed]
        unknown = [name for name in unknown if name not in held.points]
        lost = [name for name, at in zip(unknown, self._files.newest(unknown)[0].tolist(), strict=True) if not at]
        if lost:
            log.warning(
                "carbon at %s has kept nothing of %d of %d series that were handed to it, such as %s; see its "
                "MAX_CREATES_PER_MINUTE and MAX_CACHE_SIZE",
                self._target, len(lost), len(handed), lost[0],
            )  # fmt: skip


def _lines(at_s: int, points: Sequence[tuple[str, float]]) -> Iterator[bytes]:
    """Points as carbon's line receiver takes them."""
    for some in _batches(points):
        yield "".join(f"{name} {value!r} {at_s}\n" for name, value in some).encode()


def _pickles(at_s: int, points: Sequence[tuple[str, float]]) -> Iterator[bytes]:
    """Points as carbon's pickle receiver takes them."""
    for some in _batches(points):
        yield framed([(name, (at_s, value)) for name, value in some])


def _batches(points: Sequence[tuple[str, float]]) -> Iterator[Sequence[tuple[str, float]]]:
    return (points[first : first + BATCH] for first in range(0, len(points), BATCH))
