"""Points handed to carbon: over real sockets, to receivers that are not real."""

import logging
import math
import pickle
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from weft.base.errors import BadInput, BadSettings, Unavailable
from weft.metrics.carbon import Address, Caches, Held
from weft.metrics.carbon_writer import BATCH, CarbonWriter
from weft.metrics.pickled import Points
from weft.metrics.writer import WhisperWriter

NOW = int(time.time()) // 60 * 60
"""The receiver's clock is the machine's."""


class Receiver:
    """Takes one connection after the other, as carbon does; `got` is what each brought."""

    def __init__(self, read: Callable[[socket.socket], bytes]) -> None:
        self.got: list[bytes] = []
        self._read = read
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            link, _ = self._listener.accept()
            with link:
                if not (brought := self._read(link)):
                    return
                self.got.append(brought)

    def stop(self) -> None:
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._listener.close()


def to_the_end(link: socket.socket) -> bytes:
    return b"".join(iter(lambda: link.recv(65536), b""))


def dying(link: socket.socket) -> bytes:
    """Reads a little and dies: what it has not read comes back as a reset."""
    brought = link.recv(10)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return brought


@contextmanager
def receiving(read: Callable[[socket.socket], bytes] = to_the_end) -> Iterator[Receiver]:
    receiver = Receiver(read)
    try:
        yield receiver
    finally:
        receiver.stop()


class Holding(Caches):
    """Caches that hold these points, or are away."""

    def __init__(self, held: dict[str, list[tuple[int, float]]] | None) -> None:
        super().__init__([Address("127.0.0.1", 1, None)], 1, 1.0)
        self._held = held

    async def points(self, names: Sequence[str]) -> Held:
        if self._held is None:
            return Held({}, ["127.0.0.1:1"])
        arrays = {name: np.array(some, dtype=np.float64).reshape(-1, 2) for name, some in self._held.items()}
        return Held({name: Points(some[:, 0].astype(np.int64), some[:, 1]) for name, some in arrays.items()}, [])


def writer_to(
    target: str, tree: Path, held: dict[str, list[tuple[int, float]]] | None = None
) -> tuple[CarbonWriter, WhisperWriter]:
    files = WhisperWriter(tree, "1m:7d")
    return CarbonWriter(target, files, lambda: Holding(held)), files


def test_points_are_handed_over_as_lines(tmp_path: Path) -> None:
    with receiving() as receiver:
        writer, _ = writer_to(f"line://127.0.0.1:{receiver.port}", tmp_path)
        points = [("a.b", 1 / 3), ("m;host=n1;dc=x", 2.0), ("gap", math.nan), ("large", 1.5e300)]
        assert writer.write(NOW, points) == 3
        assert writer.write(NOW, [("gap", math.nan)]) == 0
    lines = f"a.b 0.3333333333333333 {NOW}\nm;dc=x;host=n1 2.0 {NOW}\nlarge 1.5e+300 {NOW}\n"
    assert receiver.got == [lines.encode()]


def test_points_are_handed_over_as_pickles_that_carbon_reads(tmp_path: Path) -> None:
    points = [(f"{'x' * 190}.{'y' * 190}.{'z' * 190}.m{i}", float(i)) for i in range(1200)]
    with receiving() as receiver:
        writer, _ = writer_to(f"pickle://127.0.0.1:{receiver.port}", tmp_path)
        assert writer.write(NOW, points) == 1200
    [brought] = receiver.got
    told = []
    while brought:
        length = struct.unpack("!L", brought[:4])[0]
        assert length < 2**20, "carbon's PICKLE_RECEIVER_MAX_LENGTH"
        told.append(pickle.loads(brought[4 : 4 + length]))
        brought = brought[4 + length :]
    assert [len(some) for some in told] == [BATCH, BATCH, 200]
    assert [point for some in told for point in some] == [(name, (NOW, value)) for name, value in points]


def test_what_lies_in_the_future_is_not_handed_over(tmp_path: Path) -> None:
    writer, _ = writer_to("line://127.0.0.1:1", tmp_path)
    assert writer.write(NOW + 3600, [("m", 1.0)]) == 0


def test_carbon_that_is_not_there_or_dies_has_not_taken_the_points(tmp_path: Path) -> None:
    points = [(f"m{i}", 1.0) for i in range(100_000)]
    with receiving(dying) as receiver:
        writer, _ = writer_to(f"line://127.0.0.1:{receiver.port}", tmp_path)
        with pytest.raises(Unavailable, match=r"line://127\.0\.0\.1:\d+ does not take points: "):
            writer.write(NOW, points)
    with pytest.raises(Unavailable, match="Connection refused"):
        writer.write(NOW, points)


def test_carbon_that_stops_reading_has_not_taken_the_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def stopped(link: socket.socket) -> bytes:
        ended.wait(10)
        return link.recv(10)

    monkeypatch.setattr("weft.metrics.carbon_writer.PATIENCE_S", 0.2)
    with receiving(stopped) as receiver:
        writer, _ = writer_to(f"line://127.0.0.1:{receiver.port}", tmp_path)
        with pytest.raises(Unavailable, match="timed out"):
            writer.write(NOW, [("m", 1.0)])
        ended.set()


def test_a_name_that_is_none_is_refused_and_nothing_sent(tmp_path: Path) -> None:
    with receiving() as receiver:
        writer, _ = writer_to(f"line://127.0.0.1:{receiver.port}", tmp_path)
        with pytest.raises(BadInput):
            writer.write(NOW, [("m", 1.0), ("a b 5\nevil", 1.0)])
        with pytest.raises(BadInput):
            writer.latest(["../x"])
    assert receiver.got == []


@pytest.mark.parametrize("target", ["host:2003", "udp://host:2003", "line://host", "line://host:99999", "line://a b:1"])
def test_what_is_no_address_stops_the_start(target: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"carbon\.write"):
        writer_to(target, tmp_path)


def test_latest_is_the_newer_of_what_is_held_and_what_is_on_disk(tmp_path: Path) -> None:
    held = {
        "held": [(NOW - 60, 5.0)],
        "both": [(NOW - 120, 6.0), (NOW - 60, 7.0)],
        "late": [(NOW - 600, 8.0)],
        "same slot": [(NOW - 180, 9.0)],
        "tagged;a=b": [(NOW - 60, 10.0)],
    }
    held = {name.replace(" ", "-"): points for name, points in held.items()}
    writer, files = writer_to("line://127.0.0.1:1", tmp_path, held)
    files.write(NOW - 180, [(name, 1.0) for name in ("both", "late", "same-slot", "disk")])
    names = ["held", "both", "late", "same-slot", "disk", "tagged;a=b", "nothing"]
    told = [5.0, 7.0, 1.0, 9.0, 1.0, 10.0, math.nan]
    assert np.array_equal(writer.latest(names), told, equal_nan=True)
    # What was known before a sweep does not change when the sweep is written already, on disk or in the cache.
    told = [math.nan, 6.0, 1.0, 9.0, 1.0, math.nan, math.nan]
    assert np.array_equal(writer.latest(names, before_s=NOW - 60), told, equal_nan=True)


def test_what_is_newest_is_not_guessed_while_a_cache_is_away(tmp_path: Path) -> None:
    writer, files = writer_to("line://127.0.0.1:1", tmp_path, None)
    files.write(NOW - 180, [("m", 1.0)])
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 does not tell what it holds"):
        writer.latest(["m"])


def test_what_carbon_has_not_kept_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with receiving() as receiver:
        writer, files = writer_to(f"line://127.0.0.1:{receiver.port}", tmp_path, {"kept": [(NOW - 60, 1.0)]})
        writer.write(NOW - 60, [("kept", 1.0), ("on-disk", 1.0), ("dropped", 1.0)])
    with caplog.at_level(logging.WARNING):
        writer.latest(["kept", "dropped"], before_s=NOW - 60)
        assert caplog.messages == []
        # What lies in the slot of this very sweep was not known before it, but kept.
        files.write(NOW - 60, [("on-disk", 1.0)])
        writer.latest(["kept", "on-disk", "dropped", "new"], before_s=NOW - 30)
    assert len(caplog.messages) == 1
    assert "kept nothing of 1 of 3 series that were handed to it, such as dropped" in caplog.messages[0]
