"""Every sample is known for what it is, read or by sight; the unknown is described."""

from pathlib import Path

import pytest

from weft.base.formats import Format
from weft.ingest.recognise import KNOWN, look_of, recognise

KINDS = {
    "ib/ft324-1-before/dump_lfts.txt": "ibroute *",
    "ib/ft324-1-before/guid2lid": "guid2lid *",
    "ib/ft324-1-before/ibhosts.txt": "ibnodes",
    "ib/ft324-1-before/iblinkinfo-l.txt": "iblinkinfo *",
    "ib/ft324-1-before/iblinkinfo.txt": "iblinkinfo *",
    "ib/ft324-1-before/ibnetdiscover-p.txt": "ibnetdiscover -p *",
    "ib/ft324-1-before/ibnetdiscover.txt": "ibnetdiscover *",
    "ib/ft324-1-before/ibnodes.txt": "ibnodes",
    "ib/ft324-1-before/ibqueryerrors-counters.txt": "ibqueryerrors *",
    "ib/ft324-1-before/ibqueryerrors.txt": "ibqueryerrors *",
    "ib/ft324-1-before/ibroute-leaf01.txt": "ibroute *",
    "ib/ft324-1-before/ibroute-n-leaf01.txt": "ibroute *",
    "ib/ft324-1-before/ibstat.txt": "infiniband-diags",
    "ib/ft324-1-before/ibswitches.txt": "ibnodes",
    "ib/ft324-1-before/ibtracert.txt": "ibtracert",
    "ib/ft324-1-before/opensm-lfts.dump": "opensm-lfts.dump *",
    "ib/ft324-1-before/opensm-subnet.lst": "opensm-subnet.lst *",
    "ib/ft324-1-before/opensm.fdbs": "opensm.fdbs *",
    "ib/ft324-1-before/opensm.log": "opensm.log *",
    "ib/ft324-1-before/perfquery-switch-port.txt": "perfquery *",
    "ib/ft324-1-before/perfquery-x-ca.txt": "perfquery *",
    "ib/ft324-1-before/perfquery-x-l-switch-all.txt": "perfquery *",
    "ib/ft324-1-before/perfquery-x-switch-port.txt": "perfquery *",
    "ib/ft324-1-before/saquery-LFTR.txt": "infiniband-diags",
    "ib/ft324-1-before/saquery-NR.txt": "infiniband-diags",
    "ib/ft324-1-before/saquery-PR.txt": "infiniband-diags",
    "ib/ft324-1-before/sminfo.txt": "infiniband-diags",
    "ib/ft324-1-before/smpquery-ND-switch.txt": "infiniband-diags",
    "ib/ft324-1-before/smpquery-NI-ca.txt": "infiniband-diags",
    "ib/ft324-1-before/smpquery-NI-switch.txt": "infiniband-diags",
    "ib/ft324-1-before/smpquery-PI-switch-port.txt": "infiniband-diags",
    "ib/ft324-1-before/smpquery-SI-switch.txt": "infiniband-diags",
    "ib/ft324-2-moved/iblinkinfo.txt": "iblinkinfo *",
    "ib/ft324-2-moved/ibnetdiscover-diff.txt": "ibnetdiscover --diff",
    "ib/ft324-2-moved/ibnetdiscover-p.txt": "ibnetdiscover -p *",
    "ib/ft324-2-moved/ibnetdiscover.txt": "ibnetdiscover *",
    "ib/ft324-2-moved/ibqueryerrors.txt": "ibqueryerrors *",
    "ib/ft324-2-moved/ibroute-leaf01.txt": "ibroute *",
    "ib/ft324-2-moved/opensm.log": "opensm.log *",
    "ib/ft324-3-errors/console-commands.txt": "",
    "ib/ft324-3-errors/ibqueryerrors-data.txt": "ibqueryerrors *",
    "ib/ft324-3-errors/ibqueryerrors-r-details.txt": "ibqueryerrors *",
    "ib/ft324-3-errors/ibqueryerrors.txt": "ibqueryerrors *",
    "ib/ft324-3-errors/opensm-console.txt": "perfmgr *",
    "ib/ft324-3-errors/opensm.log": "opensm.log *",
    "ib/ft324-3-errors/perfmgr-dump-first-2000-lines.txt": "perfmgr *",
    "ib/ft324-3-errors/perfmgr-dump-mach.tsv": "perfmgr *",
    "ib/ft324-3-errors/perfquery-leaf01-5.txt": "perfquery *",
    "ib/ft324-3-errors/perfquery-x-spine01-3.txt": "perfquery *",
    "ib/ft324-3b-errors-no-perfmgr/ibqueryerrors-data.txt": "ibqueryerrors *",
    "ib/ft324-3b-errors-no-perfmgr/ibqueryerrors-r-details.txt": "ibqueryerrors *",
    "ib/ft324-3b-errors-no-perfmgr/ibqueryerrors.txt": "ibqueryerrors *",
    "ib/ft324-3b-errors-no-perfmgr/perfquery-leaf01-5.txt": "perfquery *",
    "ib/ft324-3b-errors-no-perfmgr/perfquery-node006.txt": "perfquery *",
    "ib/ft324-3b-errors-no-perfmgr/perfquery-x-spine01-3.txt": "perfquery *",
    "ib/ft324-4-failures/iblinkinfo-down.txt": "iblinkinfo *",
    "ib/ft324-4-failures/iblinkinfo.txt": "iblinkinfo *",
    "ib/ft324-4-failures/ibnetdiscover-diff.txt": "ibnetdiscover --diff",
    "ib/ft324-4-failures/ibnetdiscover-p.txt": "ibnetdiscover -p *",
    "ib/ft324-4-failures/ibnetdiscover.txt": "ibnetdiscover *",
    "ib/ft324-4-failures/ibqueryerrors.txt": "ibqueryerrors *",
    "ib/ft324-4-failures/opensm.log": "opensm.log *",
    "slurm/25.11/jobcomp-elasticsearch-posts.txt": "jobcomp *",
    "slurm/25.11/pyslurm-25.11.2-to_dict.json": "pyslurm *",
    "slurm/25.11/rest-slurm_v0_0_44_jobs.json": "squeue --json *",
    "slurm/25.11/rest-slurm_v0_0_44_ping.json": "slurm json",
    "slurm/25.11/rest-slurmdb_v0_0_44_jobs.json": "sacct --json *",
    "slurm/25.11/sacct-v0.0.41.json": "sacct --json *",
    "slurm/25.11/sacct-v0.0.44.json": "sacct --json *",
    "slurm/25.11/scontrol-node-v0.0.44.json": "sinfo --json *",
    "slurm/25.11/scontrol-partition-v0.0.44.json": "slurm json",
    "slurm/25.11/sinfo-v0.0.44.json": "sinfo --json *",
    "slurm/25.11/squeue-default-v0.0.44.json": "squeue --json *",
    "slurm/25.11/squeue-t-all-v0.0.41.json": "squeue --json *",
    "slurm/25.11/squeue-t-all-v0.0.44.json": "squeue --json *",
    "slurm/64-after/jobcomp-elasticsearch-posts.txt": "jobcomp *",
    "slurm/64-after/rest-slurm_v0_0_38_jobs.json": "squeue --json *",
    "slurm/64-after/rest-slurm_v0_0_38_nodes.json": "sinfo --json *",
    "slurm/64-after/rest-slurm_v0_0_38_reservations.json": "slurm json",
    "slurm/64-after/rest-slurmdb_v0_0_38_config.json": "slurm json",
    "slurm/64-after/rest-slurmdb_v0_0_38_jobs.json": "sacct --json *",
    "slurm/64-after/sacct-P-steps.txt": "sacct *",
    "slurm/64-after/sacct-P.txt": "sacct *",
    "slurm/64-after/sacct.json": "sacct --json *",
    "slurm/64-after/scontrol-job.txt": "scontrol show job *",
    "slurm/64-after/scontrol-node.txt": "scontrol show node *",
    "slurm/64-after/scontrol-reservation.txt": "scontrol",
    "slurm/64-after/sinfo-R.txt": "squeue",
    "slurm/64-after/sinfo-pipe.txt": "sinfo *",
    "slurm/64-after/sinfo.json": "sinfo --json *",
    "slurm/64-after/slurmctld.log": "slurm log *",
    "slurm/64-after/slurmd.node17.log": "slurm log *",
    "slurm/64-after/squeue.json": "squeue --json *",
    "slurm/64-busy/rest-slurm_v0_0_38_diag.json": "slurm json",
    "slurm/64-busy/rest-slurm_v0_0_38_job_7.json": "squeue --json *",
    "slurm/64-busy/rest-slurm_v0_0_38_jobs.json": "squeue --json *",
    "slurm/64-busy/rest-slurm_v0_0_38_node_node05.json": "sinfo --json *",
    "slurm/64-busy/rest-slurm_v0_0_38_nodes.json": "sinfo --json *",
    "slurm/64-busy/rest-slurm_v0_0_38_partitions.json": "slurm json",
    "slurm/64-busy/rest-slurm_v0_0_38_ping.json": "slurm json",
    "slurm/64-busy/rest-slurmdb_v0_0_38_accounts.json": "slurm json",
    "slurm/64-busy/rest-slurmdb_v0_0_38_clusters.json": "slurm json",
    "slurm/64-busy/rest-slurmdb_v0_0_38_jobs.json": "sacct --json *",
    "slurm/64-busy/sacct-P-steps.txt": "sacct *",
    "slurm/64-busy/sacct-P.txt": "sacct *",
    "slurm/64-busy/sacct-helpformat.txt": "slurm statistics",
    "slurm/64-busy/sacct.json": "sacct --json *",
    "slurm/64-busy/scontrol-config.txt": "scontrol",
    "slurm/64-busy/scontrol-hostlist.txt": "",
    "slurm/64-busy/scontrol-hostnames.txt": "",
    "slurm/64-busy/scontrol-job-json.txt.err": "slurm error *",
    "slurm/64-busy/scontrol-job-oneliner.txt": "scontrol show job *",
    "slurm/64-busy/scontrol-job.txt": "scontrol show job *",
    "slurm/64-busy/scontrol-node-oneliner.txt": "scontrol show node *",
    "slurm/64-busy/scontrol-node.txt": "scontrol show node *",
    "slurm/64-busy/scontrol-partition.txt": "scontrol",
    "slurm/64-busy/scontrol-topology.txt": "topology.conf *",
    "slurm/64-busy/sdiag.txt": "slurm statistics",
    "slurm/64-busy/sinfo-pipe.txt": "sinfo *",
    "slurm/64-busy/sinfo.json": "sinfo --json *",
    "slurm/64-busy/squeue-all.txt": "squeue *",
    "slurm/64-busy/squeue-pipe.txt": "squeue *",
    "slurm/64-busy/squeue.json": "squeue --json *",
    "slurm/failures/rest-errors.txt": "slurm error *",
    "slurm/failures/slurmctld-down.txt": "slurm error *",
    "slurm/failures/slurmdbd-down.txt": "slurm error *",
    "slurm/slurm.conf": "scontrol",
    "slurm/slurmdbd.conf": "scontrol",
    "slurm/slurmsim.sh": "",
    "slurm/submit-jobs.sh": "",
    "slurm/topology.conf": "topology.conf *",
}
"""Of every sample; `*`: it is read."""


def told(head: str) -> str:
    kind = recognise(head)
    return "" if kind is None else f"{kind.name} *" if isinstance(kind, Format) else kind.name


def test_every_sample_is_known_for_what_it_is(data: Path) -> None:
    found = [path for folder in ("ib", "slurm") for path in sorted((data / folder).rglob("*"))]
    samples = [path for path in found if path.is_file() and path.suffix != ".stderr"]
    assert {str(p.relative_to(data)): told(p.read_text(errors="replace")[:65536]) for p in samples} == KINDS


def test_a_sacct_listing_with_fixed_columns_is_known_and_the_command_given() -> None:
    kind = recognise("JobID           JobName  Partition\n------------ ---------- ----------\n7  app  batch\n")
    assert kind is not None
    assert not isinstance(kind, Format)
    assert "sacct -a -X -D -P" in kind.fix


def test_syslog_comes_last_so_that_logs_of_other_tools_are_not_taken_for_it() -> None:
    assert told("Nov 22 22:23:15 n1 kernel: x\n") == "syslog *"
    assert told("Nov 22 22:23:12 510430 [9EDDF740] 0x43 -> OpenSM 3.3.23\n") == "opensm.log *"
    assert KNOWN[-1].name == "syslog"


@pytest.mark.parametrize(
    ("head", "looks"),
    [
        ("", "it is empty"),
        ("\n \n", "it is empty"),
        ("\x7fELF\0\0", "it holds binary data"),
        ("hello\n", "it begins with 'hello'"),
        ("\n" + "y" * 200 + "\n", "it begins with '" + "y" * 57 + "...'"),
        ("x" * 65536, "its first line has no end ('" + "x" * 40 + "'...)"),
    ],
)
def test_the_unknown_is_described(head: str, looks: str) -> None:
    assert recognise(head) is None
    assert look_of(head) == looks


@pytest.mark.parametrize(
    "head",
    ["{" * 65536, "[" * 65536, "==(" * 21845, '"' * 65536, " " * 65536, "JobID|" * 10922, "0x" * 32768, "\t\n" * 32768],
)
def test_recognising_is_quick_whatever_it_is_given(head: str) -> None:
    recognise(head)  # a pattern that goes back and forth would take minutes here
