"""Damaged and hostile files: a value or a BadInput comes out, never a traceback, never half a file.

50 cuts and 50 changes of a sample of each format, by seed; WEFT_SOAK=1 makes it ten times as many.
"""

import contextlib
import gzip
import os
import random
from pathlib import Path

import pytest

from unit.importing import ORIGIN, Stores, put
from unit.made import CABLES, CABLES_CSV, DB_CSV, PLAN, TOPO, UFM
from weft.base.errors import BadInput
from weft.base.formats import Format
from weft.ingest.recognise import KNOWN, recognise

pytestmark = pytest.mark.anyio

TRIES = 500 if os.environ.get("WEFT_SOAK") == "1" else 50
SEED = 3

SYSLOG = "".join(
    f"<{i % 192}>Nov {i % 28 + 1:2} 22:{i % 60:02}:15 node{i:03} kernel[{i}]: mlx5_core 0000:3b:00.0: Port {i}: down\n"
    if i % 3
    else f"2026-11-{i % 28 + 1:02}T22:{i % 60:02}:15.{i:03}+01:00 node{i:03} slurmd[{i}]: größe {i}\n\tgoes on\n"
    for i in range(300)
)

SYSLOG_5424 = "".join(
    f'<{i % 192}>1 2026-11-22T22:{i % 60:02}:15.{i:03}Z node{i:03} slurmd {i} - [a@1 b="{i}\\"" c="größe"] text {i}\n'
    for i in range(300)
)
NDJSON = "".join(
    f'{{"@timestamp": "2026-11-22T22:{i % 60:02}:15.{i:03}Z", "host": {{"name": "node{i:03}"}}, '
    f'"message": "größe {i}", "log": {{"level": "error"}}, "took": {i / 8}, "tags": ["a"], "ok": true, "no": null}}\n'
    for i in range(300)
)


def sample(data: Path, kind: str) -> bytes:
    paths = {
        "ibnetdiscover": "ib/ft324-1-before/ibnetdiscover.txt",
        "ibnetdiscover -p": "ib/ft324-1-before/ibnetdiscover-p.txt",
        "iblinkinfo": "ib/ft324-1-before/iblinkinfo.txt",
        "opensm-subnet.lst": "ib/ft324-1-before/opensm-subnet.lst",
        "ibqueryerrors": "ib/ft324-1-before/ibqueryerrors-counters.txt",
        "perfquery": "ib/ft324-1-before/perfquery-x-l-switch-all.txt",
        "perfmgr": "ib/ft324-3-errors/perfmgr-dump-first-2000-lines.txt",
        "ibroute": "ib/ft324-1-before/ibroute-leaf01.txt",
        "opensm-lfts.dump": "ib/ft324-1-before/opensm-lfts.dump",
        "opensm.fdbs": "ib/ft324-1-before/opensm.fdbs",
        "guid2lid": "ib/ft324-1-before/guid2lid",
        "opensm.log": "ib/ft324-4-failures/opensm.log",
        "sacct": "slurm/64-after/sacct-P.txt",
        "squeue": "slurm/64-busy/squeue-pipe.txt",
        "sinfo": "slurm/64-after/sinfo-pipe.txt",
        "scontrol show job": "slurm/64-busy/scontrol-job.txt",
        "scontrol show node": "slurm/64-after/scontrol-node.txt",
        "topology.conf": "slurm/topology.conf",
        "jobcomp": "slurm/25.11/jobcomp-elasticsearch-posts.txt",
        "pyslurm": "slurm/25.11/pyslurm-25.11.2-to_dict.json",
        "sacct --json": "slurm/25.11/rest-slurmdb_v0_0_44_jobs.json",
        "squeue --json": "slurm/25.11/rest-slurm_v0_0_44_jobs.json",
        "sinfo --json": "slurm/25.11/sinfo-v0.0.44.json",
        "slurm log": "slurm/64-after/slurmctld.log",
        "slurm error": "slurm/failures/slurmctld-down.txt",
    }
    made = {
        "syslog": SYSLOG,
        "syslog 5424": SYSLOG_5424,
        "ndjson": NDJSON,
        "ibdiagnet": DB_CSV,
        "cables": CABLES,
        "ufm links": UFM,
        "wiring": TOPO,
    }
    return made[kind].encode() if kind in made else (data / paths[kind]).read_bytes()


FORMATS = {known.name: known for known in KNOWN if isinstance(known, Format)}


VARIANTS = {
    "iblinkinfo -l": ("iblinkinfo", "ib/ft324-1-before/iblinkinfo-l.txt"),
    "iblinkinfo --down": ("iblinkinfo", "ib/ft324-4-failures/iblinkinfo-down.txt"),
    "cables, CSV": ("cables", CABLES_CSV),
    "wiring, CSV": ("wiring", PLAN),
}
"""Other forms of a format: of which one, and the file or its text."""


def cuts(whole: bytes, rng: random.Random) -> list[bytes]:
    return [whole[: rng.randrange(len(whole))] for _ in range(TRIES)]


def changes(whole: bytes, rng: random.Random) -> list[bytes]:
    """One byte another, in some two or three."""
    answer = []
    for _ in range(TRIES):
        changed = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 3))):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        answer.append(bytes(changed))
    return answer


def damaged(data: Path, kind: str) -> list[bytes]:
    whole, rng = sample(data, kind), random.Random(f"{SEED} {kind}")
    return cuts(whole, rng) + changes(whole, rng)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_file_gives_a_value_or_a_bad_input(data: Path, kind: str) -> None:
    for raw in damaged(data, kind):
        text = raw.decode("utf-8", "replace")
        FORMATS[kind].recognise(text[:65536])
        with contextlib.suppress(BadInput):
            FORMATS[kind].parse(text, ORIGIN)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_damaged_file_of_another_form_gives_a_value_or_a_bad_input(data: Path, name: str) -> None:
    kind, source = VARIANTS[name]
    whole = source.encode() if "\n" in source else (data / source).read_bytes()
    rng = random.Random(f"{SEED} {name}")
    for raw in cuts(whole, rng) + changes(whole, rng):
        text = raw.decode("utf-8", "replace")
        FORMATS[kind].recognise(text[:65536])
        with contextlib.suppress(BadInput):
            FORMATS[kind].parse(text, ORIGIN)


@pytest.mark.parametrize("kind", ["ibnetdiscover", "ibqueryerrors", "opensm-subnet.lst"])
def test_a_cut_dump_of_the_fabric_is_never_taken(data: Path, kind: str) -> None:
    """These can tell: by the other end of every cable, by the summary."""
    whole = sample(data, kind)
    end = whole.index(b"## Thresholds") if kind == "ibqueryerrors" else len(whole)
    for raw in cuts(whole[:end], random.Random(SEED)):
        with pytest.raises(BadInput):
            FORMATS[kind].parse(raw.decode(), ORIGIN)


@pytest.mark.parametrize("kind", FORMATS)
async def test_a_refused_file_leaves_every_store_as_it_was(data: Path, tmp_path: Path, kind: str) -> None:
    outcomes = set()
    for number, raw in enumerate(damaged(data, kind)):
        stores = Stores()
        before = stores.checksum()
        path = put(tmp_path / f"{number}.txt", raw if number % 5 else gzip.compress(raw, 1))
        (report,) = (await stores.importer().import_paths([path])).files
        outcomes.add(report.outcome)
        assert "failed on it" not in report.error
        assert (stores.checksum() == before) is (report.outcome == "refused")
        assert (report.outcome != "refused") or report.error.startswith(str(path))
    assert outcomes <= {"imported", "unchanged", "refused"}


HOSTILE: dict[str, bytes] = {
    "one endless line": b"x" * 5_000_000,
    "one endless line of syslog": b"Nov 22 22:23:15 n1 a: " + b"y" * 5_000_000,
    "brackets without end in syslog": b"<34>1 2026-11-22T22:23:15Z n app - - " + b'[a b="' * 100_000 + b"\n",
    "elements without end in syslog": b"<34>1 2026-11-22T22:23:15Z n app - - " + b'[a b="c"]' * 100_000 + b" x\n",
    "members without end": b'{"time": 1795386195, "msg": "x"' + b',"' + b'a": 1, "'.join([b"b"] * 50_000) + b'": 1}\n',
    "objects without end": b'{"time": 1795386195, "msg": "x"' + b',"a": {"a": 1' * 100_000 + b"}" * 100_001 + b"\n",
    "a claim of a long line": b"Content-Length: 1073741824\n",
    "deep braces": b"{" * 1_000_000,
    "deep brackets": b'{"jobs": ' + b"[" * 1_000_000,
    "nothing but NULs": b"\0" * 1_000_000,
    "a NUL in syslog": b"Nov 22 22:23:15 n1 a: x\n" * 4000 + b"\0\0\0\n",
    "hosts without end": b"JobID|State|Start|NodeList\n7|RUNNING|1795387785|node[1-99999999]\n",
    "hosts without end in JSON": b'{"jobs": [{"job_id": 7, "job_state": "RUNNING", "nodes": "n[1-99999999]"}]}',
    "numbers without end in JSON": b'{"jobs": [{"job_id": ' + b"7" * 100_000 + b', "job_state": "RUNNING"}]}',
    "a run of all time": b"JobID|State|Start|End|NCPUS\n7|COMPLETED|1|253370764700|4\n",
    "blanks without end in scontrol": b"JobId=7 JobName=" + b" " * 500_000 + b"\n",
    "a tree without end": b"SwitchName=s Nodes=n[1-99999999]\n",
    "hosts in many brackets": b"JobID|State|Start|NodeList\n7|RUNNING|1795387785|" + b"n[1-9]" * 5000 + b"\n",
    "numbers without end": b"JobID|State|Start|NNodes\n"
    + b"7" * 100_000
    + b"|RUNNING|1795387785|"
    + b"9" * 9999
    + b"\n",
    "bars without end": b"JobIDRaw|State|Start|JobName|Comment|WorkDir\n7|RUNNING|1795387785|" + b"|" * 100_000 + b"\n",
    "columns without end": b"JobID|State|Start" + b"|Comment" * 20_000 + b"\n7|RUNNING|1" + b"|" * 60_000 + b"\n",
    "bars in many texts": b"JobID|State|Start" + b"|Comment" * 900 + b"\n7|RUNNING|" + b"|" * 2_900 + b"\n",
    "blanks without end": b'Switch\t36 "S-0000000000000051"\t# "x" ' + b" " * 500_000 + b"\n",
    "quotes without end": b'Ca\t1 "H-0000000000000051"\t# ' + b'"' * 500_000 + b"\n",
    "counters without end": b'Data Counters for 0x51 "x"\n   GUID 0x51 port 1:' + b" [A == 1 (1)]" * 100_000 + b"\n",
    "a sum without end": b'Data Counters for 0x51 "x"\n\n## Summary: '
    + b"9" * 10_000
    + b" nodes checked, 0 bad nodes found\n",
    "thresholds without end": b"## Summary: 1 nodes checked, 0 bad nodes found\n## Thresholds:"
    + b" " * 500_000
    + b"x\n",
    "a routing table without end": b"Unicast lids [0x0-0xbfff] of switch Lid 2 guid 0x51 (x):\n" + b"0xbfff 001 \n" * 9,
    "a heading of a table without end": b"Unicast lids [0x0-0x1] of switch " + b" guid 0x" * 90_000 + b"\n",
    "a sum of PerfMgr without end": b'"x" 0x51 active TRUE port 1\n     a' + b" " * 500_000 + b"\n",
    "names without end in an OpenSM log": b"Nov 22 22:23:12 510430 [1] 0x01 -> perfmgr_log_errors: ERR 5431: A : 1 : "
    + b"node "
    + b'"" (NodeGUID: 0x1) : port 1 connected to "' * 20_000
    + b"\n",
    "UTF-16": "Nov 22 22:23:15 n1 a: x\n".encode("utf-16"),
    "UTF-32": "Nov 22 22:23:15 n1 a: x\n".encode("utf-32"),
    "no encoding at all": bytes(range(1, 256)) * 1000,
    "half a character": b"Nov 22 22:23:15 n1 a: x\n" * 9 + b"\xc3",
    "line separators of Unicode": "Nov 22 22:23:15 n1 a: x\u2028y\x85z\x0bq\n".encode(),
    "digits of another script": "JobID|State|Start\n٧|RUNNING|1795387785\n".encode(),
    "a year before all": b"JobID|State|Start\n7|RUNNING|0001-01-01T00:00:00\n",
    "a year after all": b"JobID|State|Start\n7|RUNNING|9999-12-31T23:59:59\n",
    "a dump of no time": b"#\n# Topology file: generated on Sun Nov  1 22:23:15 0001\n",
    "a bomb": gzip.compress(b"\0" * 50_000_000, 9),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_is_answered_in_words(tmp_path: Path, name: str) -> None:
    stores = Stores()
    path = put(tmp_path / "file", HOSTILE[name])
    before = stores.checksum()
    (report,) = (await stores.importer().import_paths([path])).files
    assert "failed on it" not in report.error
    assert len(report.error) < 1000
    if report.outcome == "refused":
        assert report.error.startswith(str(path))
        assert stores.checksum() == before


async def test_a_bomb_is_refused_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.ingest.files.MAX_BYTES", 1 << 20)
    path = put(tmp_path / "file", gzip.compress(b"Nov 22 22:23:15 n1 a: x\n" * 100_000, 9))
    (report,) = (await Stores().importer().import_paths([path])).files
    assert (report.outcome, "it holds more than 1 MiB" in report.error) == ("refused", True)


def test_recognising_never_fails() -> None:
    rng = random.Random(SEED)
    words = [
        "Switch",
        "Ca",
        "\t36 ",
        '"S-',
        "JobID|",
        "State|",
        "==(",
        ")==>",
        "Nov 22 22:23:15 ",
        "{",
        '"jobs":',
        "<",
        "\n",
        "\t",
        " ",
        "0x",
    ]
    for _ in range(2 * TRIES):
        recognise("".join(rng.choice(words) for _ in range(rng.randrange(200))))
