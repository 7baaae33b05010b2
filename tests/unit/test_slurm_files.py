"""Every sample of Slurm is imported, or refused with the reason. (Logs of its daemons: see the tests of logs.)"""

from pathlib import Path

import pytest

from unit.importing import Stores

pytestmark = pytest.mark.anyio

NEITHER = "it tells of neither jobs nor nodes"
CUT = "its columns are cut to a width"
UNKNOWN = "no format that Weft knows"

FOUND = {
    "topology.conf": "5 switches and 64 nodes",
    "25.11/jobcomp-elasticsearch-posts.txt": "18 runs",
    "25.11/pyslurm-25.11.2-to_dict.json": "5 runs and 1 node",
    "25.11/rest-slurm_v0_0_44_jobs.json": "3 runs",
    "25.11/rest-slurmdb_v0_0_44_jobs.json": "3 runs",
    "25.11/sacct-v0.0.41.json": "32 runs",
    "25.11/sacct-v0.0.44.json": "32 runs",
    "25.11/scontrol-node-v0.0.44.json": "24 nodes",
    "25.11/sinfo-v0.0.44.json": "64 nodes",
    "25.11/squeue-default-v0.0.44.json": "17 runs",
    "25.11/squeue-t-all-v0.0.41.json": "36 runs",
    "25.11/squeue-t-all-v0.0.44.json": "36 runs",
    "64-after/jobcomp-elasticsearch-posts.txt": "17 runs",
    "64-after/rest-slurm_v0_0_38_jobs.json": "22 runs",
    "64-after/rest-slurm_v0_0_38_nodes.json": "64 nodes",
    "64-after/rest-slurmdb_v0_0_38_jobs.json": "20 runs",
    "64-after/sacct-P-steps.txt": "20 runs",
    "64-after/sacct-P.txt": "20 runs",
    "64-after/sacct.json": "20 runs",
    "64-after/scontrol-job.txt": "22 runs",
    "64-after/scontrol-node.txt": "64 nodes",
    "64-after/sinfo-pipe.txt": "64 nodes",
    "64-after/sinfo.json": "64 nodes",
    "64-after/squeue.json": "22 runs",
    "64-busy/rest-slurm_v0_0_38_job_7.json": "1 run",
    "64-busy/rest-slurm_v0_0_38_jobs.json": "21 runs",
    "64-busy/rest-slurm_v0_0_38_node_node05.json": "1 node",
    "64-busy/rest-slurm_v0_0_38_nodes.json": "64 nodes",
    "64-busy/rest-slurmdb_v0_0_38_jobs.json": "19 runs",
    "64-busy/sacct-P-steps.txt": "19 runs",
    "64-busy/sacct-P.txt": "19 runs",
    "64-busy/sacct.json": "19 runs",
    "64-busy/scontrol-job-oneliner.txt": "21 runs",
    "64-busy/scontrol-job.txt": "21 runs",
    "64-busy/scontrol-node-oneliner.txt": "64 nodes",
    "64-busy/scontrol-node.txt": "64 nodes",
    "64-busy/scontrol-topology.txt": "5 switches and 64 nodes",
    "64-busy/sinfo-pipe.txt": "64 nodes",
    "64-busy/sinfo.json": "64 nodes",
    "64-busy/squeue-all.txt": "9 runs",
    "64-busy/squeue-pipe.txt": "9 runs",
    "64-busy/squeue.json": "21 runs",
}
"""What was found in each file that is imported."""

REFUSED = {
    "slurm.conf": NEITHER,
    "slurmdbd.conf": NEITHER,
    "slurmsim.sh": UNKNOWN,
    "submit-jobs.sh": UNKNOWN,
    "25.11/rest-slurm_v0_0_44_ping.json": NEITHER,
    "25.11/scontrol-partition-v0.0.44.json": NEITHER,
    "64-after/rest-slurm_v0_0_38_reservations.json": NEITHER,
    "64-after/rest-slurmdb_v0_0_38_config.json": NEITHER,
    "64-after/scontrol-reservation.txt": NEITHER,
    "64-after/sinfo-R.txt": CUT,
    "64-busy/rest-slurm_v0_0_38_diag.json": NEITHER,
    "64-busy/rest-slurm_v0_0_38_partitions.json": NEITHER,
    "64-busy/rest-slurm_v0_0_38_ping.json": NEITHER,
    "64-busy/rest-slurmdb_v0_0_38_accounts.json": NEITHER,
    "64-busy/rest-slurmdb_v0_0_38_clusters.json": NEITHER,
    "64-busy/sacct-helpformat.txt": NEITHER,
    "64-busy/scontrol-config.txt": NEITHER,
    "64-busy/scontrol-hostlist.txt": UNKNOWN,
    "64-busy/scontrol-hostnames.txt": UNKNOWN,
    "64-busy/scontrol-job-json.txt.err": ":1: Slurm itself failed: scontrol: unrecognized option '--json'. This",
    "64-busy/scontrol-partition.txt": NEITHER,
    "64-busy/sdiag.txt": NEITHER,
    "failures/rest-errors.txt": ":4: Slurm itself failed: HTTP/1.1 401 UNAUTHORIZED. See that slurmctld",
    "failures/slurmctld-down.txt": ":2: Slurm itself failed: slurm_load_jobs error: Unable to contact slurm controller",
    "failures/slurmdbd-down.txt": ":2: Slurm itself failed: sacct: error: slurm_persist_conn_open_without_init: failed",
}
"""What the refusal of each other file says."""


def test_no_sample_is_forgotten(data: Path) -> None:
    found = {str(path.relative_to(data / "slurm")) for path in (data / "slurm").rglob("*") if path.is_file()}
    assert {name for name in found if not name.endswith(".log")} == set(FOUND) | set(REFUSED)


@pytest.mark.parametrize("name", FOUND)
async def test_it_is_imported_and_again_changes_nothing(data: Path, name: str) -> None:
    stores = Stores()
    (first,) = (await stores.importer().import_paths([data / "slurm" / name])).files
    assert (first.outcome, first.found, first.error) == ("imported", FOUND[name], "")
    kept = stores.checksum()
    (again,) = (await stores.importer().import_paths([data / "slurm" / name])).files
    assert (again.outcome, stores.checksum()) == ("unchanged", kept)


@pytest.mark.parametrize("name", REFUSED)
async def test_it_is_refused_with_the_reason_and_changes_nothing(data: Path, name: str) -> None:
    stores = Stores()
    before = stores.checksum()
    (report,) = (await stores.importer().import_paths([data / "slurm" / name])).files
    assert (report.outcome, REFUSED[name] in report.error) == ("refused", True), report.error
    assert stores.checksum() == before


async def test_a_listing_of_nodes_and_a_tree_find_their_stores(data: Path) -> None:
    stores = Stores()
    files = ["25.11/pyslurm-25.11.2-to_dict.json", "64-after/sinfo.json", "topology.conf"]
    await stores.importer().import_paths([data / "slurm" / name for name in files])
    assert [(report.cluster, len(report.nodes)) for report in stores.jobs.reports] == [
        ("simcluster", 1),
        ("cluster", 64),
    ]
    assert len(stores.jobs.known) == 5
    (note,) = stores.ledger.kept
    assert (note.kind, note.about[0], note.about[-1]) == (
        "slurm_topology", "cluster", "spine > leaf01 leaf02 leaf03 leaf04",
    )  # fmt: skip
    assert note.about[4] == "leaf04 " + " ".join(f"node{n}" for n in range(55, 65))
    assert sorted(status.source for status in stores.ledger.statuses) == [
        "pyslurm simcluster", "sinfo --json cluster", "topology.conf cluster",
    ]  # fmt: skip
