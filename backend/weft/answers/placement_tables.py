"""Tables of how jobs lay in the fabric: declared here, see catalog.py."""

from weft.answers import placement
from weft.answers.columns import IN_FABRIC, JOB, JOB_COLUMN, RUN, number, text, time
from weft.answers.tables import Param, Table

SINCE = time("at", "The topology is of this time on.")
RAIL = Param("rail", doc="Only of this rail: mlx5_0/1.")

PLACEMENT_TABLES = (
    Table(
        "placement", "How a job lay in the fabric, and who would have lain better; a row for each change of that.",
        (
            JOB_COLUMN, text("verdict"), number("hosts"), number("leaves"),
            number("leaves_minimum", "Fewest that hold it."), number("mean_hops", "Switches between two hosts."),
            number("best_hops", "On the empty fabric."), text("best", "optimal: can be had; bound: perhaps not."),
            text("stragglers"), text("swaps", "Straggler -> free host (mean hops before -> after)."), text("doubts"),
            number("levels", "Levels of switches it goes through (1: leaves only); empty: no tree."),
            number("levels_minimum", "Fewest that hold it."), text("rails", "Mean hops of each rail."),
            text("changes", "What changed how it lay."), SINCE, time("to", "Until then."), IN_FABRIC, RUN,
        ),
        placement.placement, (JOB,), example={"job": "4711"},
    ),
    Table(
        "placement_swaps", "Which host of a job to swap for which, in the order in which to do it.",
        (
            JOB_COLUMN, number("order"), text("straggler"), text("leaf"), text("candidate", "Free when it started."),
            text("candidate_leaf"), number("before", "Mean hops of the run."), number("after"), number("gain"),
            text("doubts", "Why the candidate may not have been able to take the place."), IN_FABRIC, RUN,
        ),
        placement.placement_swaps, (JOB,), example={"job": "4711"},
    ),
    Table(
        "placement_rails", "How a job lay on each rail of its hosts.",
        (
            JOB_COLUMN, text("rail"), number("hosts", "With a link on it."), number("leaves"),
            number("mean_hops", "Switches between two hosts."), number("most_hops"),
            number("cut_off", "Pairs of hosts without a route."), text("without", "Hosts without a link on it."), SINCE,
            IN_FABRIC, RUN,
        ),
        placement.placement_rails, (JOB,), example={"job": "4711"},
    ),
    Table(
        "hops", "Pairs of a job's hosts by the switches between them, on the worst of their rails or on one.",
        (
            JOB_COLUMN, number("hops"), number("pairs"), number("share", "Of all pairs.", "percentunit"), SINCE,
            IN_FABRIC, RUN,
        ),
        placement.hops, (JOB, RAIL), example={"job": "4711"},
    ),
    Table(
        "hop_matrix", "Switches between each two leaves of a job.",
        (
            JOB_COLUMN, text("rail"), text("a"), text("b"), number("a_hosts"), number("b_hosts"),
            number("hops", "Empty: no route."), SINCE, IN_FABRIC, RUN,
        ),
        placement.hop_matrix, (JOB, RAIL), example={"job": "4711"},
    ),
)  # fmt: skip
