"""Points of a series as JSON, `[value,time],[value,time]`: from compiled code where it was built, else from orjson.

orjson writes the values as one flat array (NaN and infinities are null there: JSON knows neither); cut at its commas,
that array is interleaved with the bytes of the times, which are kept: 0.06 µs a point. `_json_points.c` gives the same
bytes in less than half the time, and other threads run meanwhile. Nothing but time depends on it: without a compiler or
Python's headers it is left out when Weft is installed.
"""

import struct
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from itertools import compress

import numpy as np
import orjson

from weft.metrics.series import Values

CACHED_TIMES = 200_000
"""Times kept as bytes, over all (start, step, length): about 12 MB."""
POWERS = range(-292, 325)
"""Powers of ten that a double is multiplied by to get its digits."""
POWER_BITS = 128

Write = Callable[[Values, int, int, bool], bytes]
"""Points of contiguous float64 values, at least one: value i at start + i * step; True: without what is no number."""


def composed(values: Values, start: int, step: int, no_nulls: bool) -> bytes:
    """Write, in Python."""
    texts = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
    times = _times.of(start, step, len(values))
    if no_nulls:
        known = np.isfinite(values).tolist()
        texts, times = list(compress(texts, known)), list(compress(times, known))
        if not texts:
            return b""
    # Every time ends with what opens the next point; the last one's two bytes are cut off.
    pieces = [b""] * (2 * len(texts) + 1)
    pieces[0] = b"["
    pieces[1::2] = texts
    pieces[2::2] = times
    pieces[-1] = pieces[-1][:-2]
    return b"".join(pieces)


def compiled() -> partial[bytes] | None:
    """Write, in C; None: it was not built."""
    try:
        from weft.metrics import _json_points
    except ImportError:
        return None
    return partial(_json_points.written, b"".join(map(_power, POWERS)))


def _power(k: int) -> bytes:
    """10^k times the power of two that makes it an integer of 128 bits, rounded up; its low half first."""
    above, below = 10 ** max(k, 0), 10 ** max(-k, 0)
    # The bits of 10^k before its point; those of a fraction are counted down from the first that is set.
    bits = above.bit_length() if k >= 0 else 1 - below.bit_length()
    shift = POWER_BITS - bits
    scaled = ((above << max(shift, 0)) // (below << max(-shift, 0))) + 1
    return struct.pack("=QQ", scaled & (1 << 64) - 1, scaled >> 64)


class _Times:
    """`,<time>],[` for each slot: what stands between one value and the next."""

    def __init__(self, room: int) -> None:
        self._room, self._kept = room, 0
        self._known: OrderedDict[tuple[int, int, int], list[bytes]] = OrderedDict()

    def of(self, start: int, step: int, n: int) -> list[bytes]:
        """Bytes of n times from start on; shared, not to be changed."""
        key = (start, step, n)
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        made = [b",%d],[" % (start + i * step) for i in range(n)]
        if n <= self._room:
            self._known[key] = made
            self._kept += n
            while self._kept > self._room:
                (_, _, oldest), _ = self._known.popitem(last=False)
                self._kept -= oldest
        return made


_times = _Times(CACHED_TIMES)

written: Write = compiled() or composed
"""How points are written here."""
