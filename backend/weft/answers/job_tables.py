"""Tables of jobs: declared here, see catalog.py."""

from weft.answers import comparison, imbalance, jobs, neighbours, plugs, states, totals
from weft.answers.columns import (
    BASIS,
    DOUBT,
    FROM,
    IN_FABRIC,
    JOB,
    JOB_COLUMN,
    RUN,
    RUN_COLUMNS,
    TO,
    number,
    text,
    time,
)  # fmt: skip
from weft.answers.tables import Param, Table

STATE_COLUMNS = (
    time("from"), time("to", "Empty: still so."),
    text("state", "Of the job; of a host the jobs that held it."), text("name", "Job or host."), text("user"), RUN,
)  # fmt: skip

JOB_TABLES = (
    Table(
        "jobs", "Runs of jobs in the window, newest first.", RUN_COLUMNS, jobs.jobs,
        (
            Param("user", "list", "Whose.", options="users"),
            Param("state", "list", "Slurm state, e.g. running, failed.", options="states"),
            Param("account", "list", "Account.", options="accounts"),
            Param("partition", "list", "Partition.", options="partitions"),
            Param("cluster", "list", "Cluster.", options="clusters"),
            Param("name", doc="Job name."),
            Param("host", "list", "That held one of these hosts.", options="hosts"),
            Param("switch", doc="That held a host on this switch; for operators.", options="switches"),
            Param("job", doc="Only the runs of this job.", options="jobs"),
            Param("cursor", doc="Go on where the answer before this one ended, by its cursor."),
        ),
        example={"user": "alice", "state": "running"},
    ),
    Table("job", "The runs of one job.", RUN_COLUMNS, jobs.job, (JOB,), example={"job": "4711"}),
    Table(
        "job_hosts", "Hosts of a job, with how many other runs held each meanwhile.",
        (JOB_COLUMN, text("host"), FROM, TO, number("sharers", "Other runs on the host; empty: not counted."), RUN),
        jobs.job_hosts, (JOB,), example={"job": "4711"},
    ),
    Table(
        "job_neighbours", "Runs near a job's at the same time, on its hosts, leaf switches and routes; nearest first.",
        (
            JOB_COLUMN, text("user"), text("name"), text("state"), number("overlap", "Both ran near each other.", "s"),
            number("hosts", "In common."), number("leaves", "In common."),
            number("ports", "Of switches on the routes of both."), BASIS, text("shared", "These hosts and leaves."),
            FROM, TO, RUN,
        ),
        neighbours.job_neighbours, (JOB,), example={"job": "4711"},
    ),
    Table(
        "job_states", "What became of a job: each state with its time, oldest first.",
        STATE_COLUMNS, states.job_states, (JOB,), example={"job": "4711"},
    ),
    Table(
        "state_timeline", "States of the jobs of users, or which jobs held hosts; a state timeline parts by `name`.",
        STATE_COLUMNS, states.state_timeline,
        (
            Param("user", "list", "Of the jobs of these users.", options="users"),
            Param("host", "list", "Instead: which jobs held these hosts.", options="hosts"),
        ),
        example={"user": "alice"},
    ),
    Table(
        "totals", "Runs, core hours and node hours in the window by user, account, partition, state or cluster.",
        (
            text("what", "The user, account, ..."), number("runs"),
            number("core_hours", "Cores by the time they were held in the window.", "h"),
            number("node_hours", "Nodes by that time.", "h"),
            number("unsized", "Of the runs, those whose cores or end no source told."),
        ),
        totals.totals,
        (
            Param("by", doc="What sums are made for.", default="user", choices=totals.BY),
            Param("user", "list", "Only of these.", options="users"),
            Param("account", "list", "Only of these.", options="accounts"),
            Param("partition", "list", "Only in these.", options="partitions"),
            Param("state", "list", "Only in these Slurm states.", options="states"),
            Param("cluster", "list", "Only in these.", options="clusters"),
        ),
        example={"by": "user"},
    ),
    Table(
        "compare", "Jobs side by side; what they share is told against the first.",
        (
            JOB_COLUMN, text("user"), text("name"), text("state"), number("exit_code"), number("exit_signal"),
            time("start"), time("end", "Empty: runs."), number("elapsed", "Start to end.", "s"),
            number("hosts", "How many."), number("leaves", "Leaf switches they hung on."),
            number("leaves_minimum", "Fewest that hold it."), number("mean_hops", "Switches between two hosts."),
            number("best_hops", "On the empty fabric."),
            number("traffic", "Sent to its hosts by their switches, mean.", "Bps"),
            number("traffic_max", "The most of it.", "Bps"), number("log_lines", "Of its hosts while it ran."),
            number("shared_hosts", "With the first."), number("shared_leaves", "With the first."),
            number("shared_time", "While the first ran.", "s"), RUN,
        ),
        comparison.compare,
        (Param("jobs", "list", "Jobs, with commas; the newest run of each.", required=True, options="jobs"),),
        example={"jobs": "4711,4712"},
    ),
    Table(
        "imbalance", "A job's hosts by a metric of theirs, the busiest first: its `over` is the imbalance of the run.",
        (
            JOB_COLUMN, text("host"), number("mean", "While the job ran; empty: no data."), number("max"),
            number("over", "Mean / mean of all hosts - 1.", "percentunit"), text("unit", "Of a counter's rate."), RUN,
        ),
        imbalance.imbalance,
        (JOB, Param("metric", doc="Path below the host (cpu.user), or a counter of its ports.", required=True)),
        example={"job": "4711", "metric": "PortXmitData"},
    ),
    Table(
        "job_ports", "Switch ports and HCA ports of a job's hosts over its whole run.",
        (
            JOB_COLUMN, text("host"), text("hca", "Device and port in the host."), text("switch"), number("port"),
            text("cable"), FROM, TO, number("sharers", "Other runs on the host; empty: not counted."), DOUBT,
            time("confirmed", "When a sweep showed it last."), text("switch_guid"), text("hca_guid"), IN_FABRIC, RUN,
        ),
        plugs.job_ports, (JOB,), example={"job": "4711"},
    ),
    Table(
        "job_cables", "Cables of a job's hosts over its whole run.",
        (
            JOB_COLUMN, text("cable"), text("identity", "certain or ambiguous."),
            text("or_cable", "What it is in the other reading."), text("host"), text("hca"),
            text("switch_port"), FROM, TO, DOUBT, IN_FABRIC, RUN,
        ),
        plugs.job_cables, (JOB,), example={"job": "4711"},
    ),
    Table(
        "job_switches", "Switches that a job's hosts hung on.",
        (
            JOB_COLUMN, text("switch"), number("hosts"), number("ports"),
            number("share", "Of the job's hosts.", "percentunit"), FROM, TO, text("guid"), IN_FABRIC, RUN,
        ),
        plugs.job_switches, (JOB,), example={"job": "4711"},
    ),
)  # fmt: skip
