"""Log lines on their way: a real rsyslogd with the shipped configuration, into a real Weft (on tantivy, on
Elasticsearch) and straight into a real Elasticsearch. Each is killed in the middle: every line arrives once.
"""

import contextlib
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from elasticsearch import Elasticsearch as Client
from elasticsearch import helpers
from tests.services import elasticsearch, rsyslog

from e2e.pipeline import Direct, Said, Store, Weft
from weft.logs.severity import SEVERITIES

SOAK = bool(os.environ.get("WEFT_SOAK"))
LINES = 100_000 if SOAK else 5000
AWAY_S = 30 if SOAK else 1
PARTS = 50
PART_S = 0.05
"""A fiftieth of the lines each so many seconds: 2,000 a second, 40,000 in the long form, more than they are taken."""
PATIENCE_S = 300.0

NOON_MS = 1_795_348_800_000
"""2026-11-22T12:00:00Z."""


class Server(Protocol):
    """Something that can be killed and started again."""

    def kill(self) -> None:
        """As a power cut would."""

    def restart(self) -> None:
        """On what it kept."""


def on_elasticsearch(server: elasticsearch.Server, index: str) -> dict[str, str]:
    """The environment of a Weft that keeps its lines there."""
    return {
        "WEFT_LOGS__ENGINE": "elasticsearch",
        "WEFT_ELASTICSEARCH__URL": server.url,
        "WEFT_ELASTICSEARCH__INDEX": index,
        "WEFT_ELASTICSEARCH__TIMEOUT_S": "30",  # other tests load the machine too
    }


@contextlib.contextmanager
def weft(folder: Path, **environment: str) -> Iterator[Weft]:
    """A Weft until the block ends."""
    server = Weft(folder, **environment)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def rsyslog_folder(tmp_path: Path) -> Path:
    """For an rsyslogd; a test that asks for it needs one installed."""
    return tmp_path / "rsyslog"


def line(pri: int, program: str, message: str, at_ms: int = NOON_MS, **fields: str) -> Said:
    """What a line of `TRICKY` says; those of RFC 3164 are all of node003."""
    facilities = {0: "kern", 1: "user", 4: "auth", 23: "local7"}
    told = {"facility": facilities[pri // 8], **fields}
    return Said(at_ms, "node003", program, SEVERITIES[pri % 8], message, "rsyslog", tuple(sorted(told.items())))


AT = "2026-11-22T12:00:00"
TRICKY: list[tuple[str, Said]] = [
    # RFC 5424
    (f"<34>1 {AT}.003Z node003 su 812 ID47 - text", line(34, "su", "text", NOON_MS + 3, pid="812", msgid="ID47")),
    (f"<0>1 {AT}.999999Z node003 kernel - - - worst", line(0, "kernel", "worst", NOON_MS + 999)),
    (f"<191>1 {AT}+01:00 node003 app - - - an hour before", line(191, "app", "an hour before", NOON_MS - 3_600_000)),
    (f"<13>1 {AT}Z node003 - - - - no program", line(13, "", "no program")),
    (f"<13>1 {AT}Z node003 app - - -", line(13, "app", "")),
    (f"<13>1 {AT}Z node003 app - - -   two blanks more", line(13, "app", "  two blanks more")),
    (f"<13>1 {AT}Z node003 app - - - \ufeffwith a mark", line(13, "app", "with a mark")),
    (
        f'<13>1 {AT}Z node003 app - - [a@1 x="q \\" \\] z"][b@1] structured',
        line(13, "app", "structured", structured_data='[a@1 x="q \\" \\] z"][b@1]'),
    ),
    # RFC 3164, with the stamp that rsyslog itself sends
    (f"<13>{AT}Z node003 app: plain", line(13, "app", "plain")),
    (f"<13>{AT}.123456+01:00 node003 app[1]: zone", line(13, "app", "zone", NOON_MS - 3_600_000 + 123, pid="1")),
    (f"<13>{AT}Z node003 app:  one blank more", line(13, "app", " one blank more")),
    (f"<13>{AT}Z node003 app[9]:", line(13, "app", "", pid="9")),
    (f"<13>{AT}Z node003 slurmctld: error: node node200 down", line(13, "slurmctld", "error: node node200 down")),
    # What JSON must write otherwise, and what is not ASCII
    (f"<13>{AT}Z node003 app: \"quotes\" 'and' \\ back/slash", line(13, "app", "\"quotes\" 'and' \\ back/slash")),
    (f'<13>{AT}Z node003 app: {{"json":"in it"}}', line(13, "app", '{"json":"in it"}')),
    (f"<13>{AT}Z node003 app: Grüße, 漢字, Ελλάδα, 🎉", line(13, "app", "Grüße, 漢字, Ελλάδα, 🎉")),
    (f"<13>{AT}Z node003 app: percent %s %msg% $! <b>&amp;</b>", line(13, "app", "percent %s %msg% $! <b>&amp;</b>")),
    # rsyslog itself writes control characters as octal numbers, by its own default.
    (f"<13>{AT}Z node003 app: tab\there \x01 \x1b[1m", line(13, "app", "tab#011here #001 #033[1m")),
    (f"<13>{AT}Z node003 app: {'long ' * 6000}end", line(13, "app", "long " * 6000 + "end")),
    (f"<13>{AT}Z node003 {'p' * 60}[77]: a long program", line(13, "p" * 60, "a long program", pid="77")),
]
"""Lines as they are sent, and what each says: worked out by hand from the RFCs and rsyslog's documented defaults."""


def stream(number: int) -> str:
    """A line of the stream."""
    at_ms = 1000 * (number // 1000) + number % 1000
    clock = f"{12 + at_ms // 3_600_000:02d}:{at_ms // 60_000 % 60:02d}:{at_ms // 1000 % 60:02d}.{at_ms % 1000:03d}"
    return f"<13>1 2026-11-22T{clock}456Z node{number % 300:03d} stream {number} - - port 1 of {number} is down\n"


def said(number: int) -> Said:
    """What that line says."""
    fields = (("facility", "user"), ("pid", str(number)))
    return Said(
        NOON_MS + number,
        f"node{number % 300:03d}",
        "stream",
        "notice",
        f"port 1 of {number} is down",
        "rsyslog",
        fields,
    )


def ship(send: Callable[[str], None], victims: dict[int, Server]) -> None:
    """Send the stream part by part; behind some parts a server is killed, and started again while it goes on."""
    size = LINES // PARTS
    dead: Server | None = None
    for part in range(PARTS):
        send("".join(stream(number) for number in range(part * size, (part + 1) * size)))
        time.sleep(PART_S)
        if part in victims:
            dead = victims[part]
            dead.kill()
        elif dead is not None:
            dead.restart()
            dead = None


def wait_for(store: Store, query: str, count: int) -> None:
    """Wait until so many lines match, or in vain; one that does not answer is asked again."""
    give_up = time.monotonic() + PATIENCE_S
    there = 0
    while there < count and time.monotonic() < give_up:
        with contextlib.suppress(OSError):
            there = store.count(query)
        time.sleep(0.2)


def arrive(store: Store) -> None:
    """Wait for the whole stream, and see that each line of it came once, with what it says."""
    wait_for(store, "program:stream", LINES)
    time.sleep(1)  # for what would come twice
    found = Counter(store.lines("program:stream"))
    assert found.total() == len(found)
    assert set(found) == {said(number) for number in range(LINES)}


def nothing_was_given_up(shipper: rsyslog.Server) -> None:
    """rsyslog put no line aside as refused for good."""
    for path in (shipper.refused, shipper.errors):
        assert not path.exists(), path.read_text()[:1000]


def write_to(path: Path) -> Callable[[str], None]:
    """Append to a file that rsyslog follows."""

    def write(text: str) -> None:
        with path.open("a") as file:
            file.write(text)

    return write


def test_twenty_tricky_lines_say_the_same_whichever_way_they_come(
    rsyslog_folder: Path, elasticsearch_alone: elasticsearch.Server, tmp_path: Path
) -> None:
    environment = on_elasticsearch(elasticsearch_alone, "weft-logs")
    with contextlib.ExitStack() as stack:
        embedded = stack.enter_context(weft(tmp_path / "embedded"))
        real = stack.enter_context(weft(tmp_path / "real", **environment))
        direct = stack.enter_context(contextlib.closing(Direct(elasticsearch_alone)))
        stores: list[Store] = [embedded, real, direct]
        for number, url in enumerate((f"{embedded.url}/elastic", f"{real.url}/elastic", elasticsearch_alone.url)):
            shipper = stack.enter_context(rsyslog.serving(rsyslog_folder / str(number), url))
            with socket.create_connection(("127.0.0.1", shipper.port)) as connection:
                connection.sendall("".join(f"{text}\n" for text, _ in TRICKY).encode())
        wanted = Counter(told for _, told in TRICKY)
        assert len(wanted) == 20
        for store in stores:
            wait_for(store, "*", len(wanted))
            assert Counter(store.lines("*")) == wanted


def test_every_line_of_a_file_arrives_once_in_weft(rsyslog_folder: Path, tmp_path: Path) -> None:
    with weft(tmp_path / "weft") as store, rsyslog.serving(rsyslog_folder, f"{store.url}/elastic") as shipper:
        ship(write_to(shipper.file), {10: store, 20: shipper, 30: store, 40: shipper})
        arrive(store)
        nothing_was_given_up(shipper)


def test_every_line_of_a_file_arrives_once_in_elasticsearch_through_weft(
    rsyslog_folder: Path, elasticsearch_alone: elasticsearch.Server, tmp_path: Path
) -> None:
    environment = on_elasticsearch(elasticsearch_alone, "weft-logs")
    with (
        weft(tmp_path / "weft", **environment) as store,
        rsyslog.serving(rsyslog_folder, f"{store.url}/elastic") as shipper,
    ):
        ship(write_to(shipper.file), {10: store, 20: elasticsearch_alone, 40: shipper})
        arrive(store)
        nothing_was_given_up(shipper)


def test_every_line_of_a_file_arrives_once_straight_in_elasticsearch(
    rsyslog_folder: Path, elasticsearch_alone: elasticsearch.Server
) -> None:
    with rsyslog.serving(rsyslog_folder, elasticsearch_alone.url) as shipper:
        ship(write_to(shipper.file), {10: elasticsearch_alone, 40: shipper})
        with contextlib.closing(Direct(elasticsearch_alone)) as store:
            arrive(store)
        nothing_was_given_up(shipper)


def test_every_line_from_the_network_arrives_once_while_weft_dies(rsyslog_folder: Path, tmp_path: Path) -> None:
    with (
        weft(tmp_path / "weft") as store,
        rsyslog.serving(rsyslog_folder, f"{store.url}/elastic") as shipper,
        socket.create_connection(("127.0.0.1", shipper.port)) as connection,
    ):
        ship(lambda text: connection.sendall(text.encode()), {10: store, 30: store})
        arrive(store)
        nothing_was_given_up(shipper)


def test_lines_wait_for_a_weft_that_is_away(rsyslog_folder: Path, tmp_path: Path) -> None:
    with (
        weft(tmp_path / "weft") as store,
        rsyslog.serving(rsyslog_folder, f"{store.url}/elastic") as shipper,
        socket.create_connection(("127.0.0.1", shipper.port)) as connection,
    ):
        store.kill()
        # In the long form more than the 50,000 that a ruleset's queue holds unless it is told otherwise.
        connection.sendall("".join(stream(number) for number in range(LINES)).encode())
        time.sleep(AWAY_S)
        store.restart()
        arrive(store)


def test_elasticsearchs_own_client_takes_weft_for_a_server(tmp_path: Path) -> None:
    documents = [
        {"_id": str(n), "@timestamp": NOON_MS + n, "message": f"{n}", "program": "client"} for n in range(1000)
    ]
    with weft(tmp_path / "weft") as store, Client(f"{store.url}/elastic", http_compress=True) as client:
        for _ in range(2):
            assert helpers.bulk(client, documents, index="logs", chunk_size=300) == (1000, [])
        wait_for(store, "program:client", 1000)
        assert sorted(int(told.message) for told in store.lines("program:client")) == list(range(1000))
