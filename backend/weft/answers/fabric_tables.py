"""Tables of the fabric: declared here, see catalog.py."""

from weft.answers import behind, cables, difference, fabric, flapping, vanished, wiring
from weft.answers.columns import AT, FABRIC, IN_FABRIC, SWITCH, TO, UNSURE, number, text, time
from weft.answers.tables import Column, Param, Table

CHANGES = (
    "node_appeared", "node_gone", "node_silent", "node_renamed", "hca_replaced", "link_down", "link_up", "link_changed",
    "cable_new", "cable_moved", "cable_replaced", "ends_exchanged", "sweep_quarantined", "retired",
)  # fmt: skip


FABRIC_TABLES = (
    Table(
        "hosts", "Hosts and where they hang; users: those of their runs.",
        (
            text("host"), text("hca"), text("state", "Of the link: up or down."), text("switch"), number("port"),
            text("width"), text("speed"), text("cable"), UNSURE, text("slurm", "Slurm's state of the node."),
            text("reason", "Why an operator set it so."), text("guid"), IN_FABRIC,
        ),
        fabric.hosts, (FABRIC, AT),
    ),
    Table(
        "vanished", "Hosts that are gone or do not answer, and who was on them.",
        (
            text("host"), text("state", "vanished, or silent: it may well be there."),
            text("expected", "Why it may be off by Slurm: drained, powered down, rebooting."), time("last_seen"),
            time("missed", "First sweep without it; empty: silent."), text("port", "Switch port it hung on."),
            text("jobs", "Runs on it then."), text("users"), text("cable"),
            text("slurm", "Slurm's state of the node."), text("guids"), IN_FABRIC,
        ),
        vanished.vanished, (FABRIC, AT), operators=True,
    ),
    Table(
        "switches", "Switches.",
        (
            text("switch"), number("hosts", "Host links up."), number("up", "Links."), number("down", "Links."),
            text("guid"), number("lid"), text("description"), IN_FABRIC,
        ),
        fabric.switches, (FABRIC, AT), operators=True,
    ),
    Table(
        "ports", "Cabled ports of a switch.",
        (
            number("port"), text("state"), text("peer"), text("peer_kind"), text("width"), text("speed"),
            text("cable"), UNSURE, text("switch"), text("guid"), text("peer_guid"), IN_FABRIC,
        ),
        fabric.ports,
        (Param("switch", doc="Name or GUID of a switch.", required=True, options="switches"), FABRIC, AT),
        operators=True, example={"switch": "leaf01"},
    ),
    Table(
        "links", "Links, up and down.",
        (
            text("a"), text("b"), text("state"), text("width"), text("speed"), text("cable"), text("kinds"),
            UNSURE, IN_FABRIC,
        ),
        fabric.links, (SWITCH, Param("state", doc="Only these.", choices=("up", "down")), FABRIC, AT), operators=True,
    ),
    Table(
        "degraded", "Links that run narrower or slower than their like.",
        (
            text("a"), text("b"), text("runs", "Width and speed."), text("like", "What the best of its kind run."),
            time("since"), text("cable"), IN_FABRIC,
        ),
        fabric.degraded, (FABRIC, AT), operators=True,
    ),
    Table(
        "cables", "Cables plugged in the window.",
        (
            text("cable"), text("identity", "certain or ambiguous."), text("a"), text("b"), text("medium"),
            time("since"), TO, time("confirmed", "When a sweep showed it last."),
            text("or_cable", "What it is in the other reading."), number("places", "In the window."), IN_FABRIC,
        ),
        cables.cables,
        (
            SWITCH,
            Param("host", doc="Only of this host.", options="hosts"),
            Param("identity", doc="Only these.", choices=("certain", "ambiguous")),
            FABRIC,
        ),
        operators=True,
    ),
    Table(
        "cable_history", "Where a cable was, in both readings.",
        (
            text("cable"), text("reading", "taken, or the other one."), text("a"), text("b", "The end in an HCA."),
            time("from", "First seen there."), TO, time("absent", "Last time it was seen not to be there."),
            time("confirmed", "Last time it was seen there."), text("identity"), text("or_cable"), text("story"),
            text("connection"), IN_FABRIC,
        ),
        cables.cable_history,
        (
            Param("cable", doc="Its id, or a port it was in: leaf01/5, node005.", required=True, options="cables"),
            FABRIC,
            AT,
        ),
        operators=True, example={"cable": "leaf01/5"},
    ),
    Table(
        "fabric_changes", "What changed in the fabric, newest first.",
        (
            time("time", "Seen by then."), time("after", "Not yet so then."), text("kind"), text("severity"),
            text("text"), text("nodes"), text("ports"), text("cables"),
            text("narrowed_by", "What tells the time closer than the sweeps do."), IN_FABRIC,
        ),
        fabric.fabric_changes, (Param("kind", "list", "Only these.", choices=CHANGES), FABRIC), operators=True,
    ),
    Table(
        "fabric_diff", "What the fabric differs in between the two ends of the window.",
        (
            text("what", "node, link or cable."), text("kind", "added, removed, moved or changed."),
            text("name", "Of the node, link or cable."), text("before"), text("after"),
            text("or", "Cable that is there in the other reading of an exchange, and where it came from."), IN_FABRIC,
        ),
        difference.fabric_diff, (FABRIC,), operators=True,
    ),
    Table(
        "wiring", "What is not wired as planned.",
        (
            text("kind", "missing, unexpected, miswired, swapped or unknown."), text("text"),
            text("planned", "Cables of the plan."), text("actual", "What is there."), number("line", "Of the plan."),
            text("plan", "Its format."), time("given", "The plan holds since."), IN_FABRIC,
        ),
        wiring.wiring, (FABRIC, AT), operators=True,
    ),
    Table(
        "flapping", "Links that went down, came up or changed their width or speed in the window, most often first.",
        (
            text("a"), text("b"), number("downs"), number("away", "Downs with a node that was gone: rebooted, off."),
            number("ups"), number("changed", "To another width or speed."), number("per_day", "Downs and changes."),
            number("logged", "Lines of opensm.log about its ports going down."), time("last", "Change, seen by then."),
            text("state", "At the end of the window."), text("cable"), IN_FABRIC,
        ),
        flapping.flapping, (SWITCH, FABRIC), operators=True,
    ),
    Table(
        "behind", "Hosts behind a switch or a link: those cut off when it fails, and those that merely hang below it.",
        (
            text("host"), Column("cut_off", "boolean", "Loses every way to the rest of the fabric."),
            Column("below", "boolean", "Hangs below it by this port."), text("hca", "Device and port in the host."),
            text("leaf", "Switch that the port hangs on."), IN_FABRIC,
        ),
        behind.behind,
        (
            Param("switch", doc="The switch that fails.", options="switches"),
            Param("link", doc="Instead: a link, by a port of it: leaf01/19, or a host.", options="hosts"), FABRIC, AT,
        ),
        operators=True, example={"switch": "leaf01"},
    ),
)  # fmt: skip
