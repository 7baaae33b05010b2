"""The graph, for whoever reads it: labels, relationships, properties; and the constraints and indexes it stands on.

Times are epoch milliseconds, the open end is FOREVER_MS. What can change carries `valid_from` and `valid_to`; with them
come `absent` (when it was last looked for in vain before, null: never), `last_seen`, and `made` and `closed` (which
observation decided its beginning and end). Labels and properties that a site adds to these nodes are never touched:
texts set their own properties one by one, and never replace all.

(:DEVICE:SW|:HCA {fabric, guid})-[:NAMED {kind, ports, <span>}]->(:NAME {text})
(:DEVICE)-[:HAS_PORT]->(:PORT {key, fabric, guid, number})           key: "<fabric>/<guid>/<number>"
(:CONNECTION {fabric, id, medium, a_guid, a_number, b_guid, b_number, cable, cable_alt, <span>})
  -[:ENDS_AT {end: "a"|"b"}]->(:PORT)
  -[:USES {reading: 1|2}]->(:CABLE {fabric, id, identity: "certain"|"ambiguous"})
  -[:IDENTIFIED {made}]->(:CABLE)                                   a serial number decided the reading
(:LINK_STATE {fabric, connection, state, width, speed, <span>})-[:OF]->(:CONNECTION)
(:LID {fabric, guid, number, lid, lmc, port_guid, <span>})-[:OF]->(:PORT)
(:MODULE {key, vendor, part, serial, length_m})-[:PLUGGED_IN {<span>}]->(:PORT)
(:SW)-[:HAS_LFT {fabric, switch, seen_at}]->(:LFT {sha256, data})
(:EVENT {fabric, at, since, kind, severity, text, about, made, number})-[:ABOUT]->(:DEVICE|:PORT|:CABLE)
(:EVENT:NOTE {key, at, kind, severity, text, about})                 a note: no fabric, no made
(:Host {name})-[:HAS_HCA {valid_from, valid_to}]->(:HCA)
(:Host)-[:PART_OF]->(:Partition {name, cluster})
(:Host)-[:JOBCLIENT {start, end}]->(:Job {key, cluster, id, label, base, name, user, account, partition, state, submit,
  start, end, at, until, exit_code, exit_signal, node_count, cpus, features, tres, predicted_start, seen_at, source})
Weft's own: (:SWEEP {fabric, seen_at, sha256, source, absent_after, quarantined})-[:SHOWS]->(:BLOB {sha256, data}),
  (:CORRECTION), (:HEAD), (:ANCHOR), (:UNCONFIRMED), (:WIRING)-[:SHOWS]->(:BLOB), (:NODE_REPORT), (:NODE_TOLD),
  (:NODE_KNOWN), (:TOTAL), (:TOTAL_DAY), (:SOURCE), (:USER), (:VERSION {what, number})
"""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE CONSTRAINT weft_version IF NOT EXISTS FOR (n:VERSION) REQUIRE n.what IS UNIQUE",
        "CREATE CONSTRAINT weft_device IF NOT EXISTS FOR (n:DEVICE) REQUIRE (n.fabric, n.guid) IS UNIQUE",
        "CREATE CONSTRAINT weft_port IF NOT EXISTS FOR (n:PORT) REQUIRE n.key IS UNIQUE",
        "CREATE CONSTRAINT weft_name IF NOT EXISTS FOR (n:NAME) REQUIRE n.text IS UNIQUE",
        "CREATE CONSTRAINT weft_connection IF NOT EXISTS FOR (n:CONNECTION) REQUIRE (n.fabric, n.id) IS UNIQUE",
        "CREATE CONSTRAINT weft_cable IF NOT EXISTS FOR (n:CABLE) REQUIRE (n.fabric, n.id) IS UNIQUE",
        "CREATE CONSTRAINT weft_blob IF NOT EXISTS FOR (n:BLOB) REQUIRE n.sha256 IS UNIQUE",
        "CREATE CONSTRAINT weft_lft IF NOT EXISTS FOR (n:LFT) REQUIRE n.sha256 IS UNIQUE",
        "CREATE CONSTRAINT weft_host IF NOT EXISTS FOR (n:Host) REQUIRE n.name IS UNIQUE",
        "CREATE CONSTRAINT weft_link_state IF NOT EXISTS FOR (n:LINK_STATE) "
        "REQUIRE (n.fabric, n.connection, n.valid_from) IS UNIQUE",
        "CREATE CONSTRAINT weft_lid IF NOT EXISTS FOR (n:LID) "
        "REQUIRE (n.fabric, n.guid, n.number, n.valid_from) IS UNIQUE",
        "CREATE INDEX weft_lid_guid IF NOT EXISTS FOR (n:LID) ON (n.fabric, n.port_guid)",
        "CREATE CONSTRAINT weft_module IF NOT EXISTS FOR (n:MODULE) REQUIRE n.key IS UNIQUE",
        "CREATE CONSTRAINT weft_event IF NOT EXISTS FOR (n:EVENT) REQUIRE (n.fabric, n.at, n.made, n.number) IS UNIQUE",
        "CREATE INDEX weft_event_made IF NOT EXISTS FOR (n:EVENT) ON (n.fabric, n.made)",
        "CREATE INDEX weft_connection_to IF NOT EXISTS FOR (n:CONNECTION) ON (n.fabric, n.valid_to)",
        "CREATE CONSTRAINT weft_sweep IF NOT EXISTS FOR (n:SWEEP) REQUIRE (n.fabric, n.seen_at, n.sha256) IS UNIQUE",
        "CREATE CONSTRAINT weft_correction IF NOT EXISTS FOR (n:CORRECTION) "
        "REQUIRE (n.fabric, n.at, n.kind, n.guid, n.number) IS UNIQUE",
        "CREATE CONSTRAINT weft_head IF NOT EXISTS FOR (n:HEAD) REQUIRE n.fabric IS UNIQUE",
        "CREATE CONSTRAINT weft_anchor IF NOT EXISTS FOR (n:ANCHOR) REQUIRE (n.fabric, n.at) IS UNIQUE",
        "CREATE CONSTRAINT weft_unconfirmed IF NOT EXISTS FOR (n:UNCONFIRMED) "
        "REQUIRE (n.fabric, n.kind, n.id) IS UNIQUE",
        "CREATE CONSTRAINT weft_wiring IF NOT EXISTS FOR (n:WIRING) REQUIRE (n.fabric, n.seen_at, n.sha256) IS UNIQUE",
        "CREATE CONSTRAINT weft_has_lft IF NOT EXISTS FOR ()-[r:HAS_LFT]-() "
        "REQUIRE (r.fabric, r.switch, r.seen_at) IS UNIQUE",
        "CREATE CONSTRAINT weft_job IF NOT EXISTS FOR (n:Job) REQUIRE n.key IS UNIQUE",
        "CREATE CONSTRAINT weft_note IF NOT EXISTS FOR (n:NOTE) REQUIRE n.key IS UNIQUE",
        "CREATE INDEX weft_note_at IF NOT EXISTS FOR (n:NOTE) ON (n.at)",
        "CREATE CONSTRAINT weft_source IF NOT EXISTS FOR (n:SOURCE) REQUIRE n.name IS UNIQUE",
        "CREATE CONSTRAINT weft_user IF NOT EXISTS FOR (n:USER) REQUIRE n.name IS UNIQUE",
        "CREATE INDEX weft_job_id IF NOT EXISTS FOR (n:Job) ON (n.cluster, n.id)",
        "CREATE INDEX weft_job_base IF NOT EXISTS FOR (n:Job) ON (n.cluster, n.base, n.at)",
        "CREATE INDEX weft_job_at IF NOT EXISTS FOR (n:Job) ON (n.at)",
        "CREATE INDEX weft_job_name IF NOT EXISTS FOR (n:Job) ON (n.name, n.at)",
        "CREATE INDEX weft_job_user IF NOT EXISTS FOR (n:Job) ON (n.user, n.at)",
        "CREATE INDEX weft_job_account IF NOT EXISTS FOR (n:Job) ON (n.account, n.at)",
        "CREATE INDEX weft_job_partition IF NOT EXISTS FOR (n:Job) ON (n.partition, n.at)",
        "CREATE INDEX weft_job_state IF NOT EXISTS FOR (n:Job) ON (n.state, n.at)",
        "CREATE INDEX weft_job_cluster IF NOT EXISTS FOR (n:Job) ON (n.cluster, n.at)",
        "CREATE INDEX weft_job_open IF NOT EXISTS FOR (n:Job) ON (n.open, n.at)",
        "CREATE INDEX weft_job_ran IF NOT EXISTS FOR (n:Job) ON (n.ran_until)",
        "CREATE CONSTRAINT weft_total IF NOT EXISTS FOR (n:TOTAL) REQUIRE n.key IS UNIQUE",
        "CREATE INDEX weft_total_scope IF NOT EXISTS FOR (n:TOTAL) ON (n.scope)",
        "CREATE CONSTRAINT weft_total_day IF NOT EXISTS FOR (n:TOTAL_DAY) REQUIRE (n.total, n.day) IS UNIQUE",
        "CREATE CONSTRAINT weft_partition IF NOT EXISTS FOR (n:Partition) REQUIRE (n.cluster, n.name) IS UNIQUE",
        "CREATE CONSTRAINT weft_known IF NOT EXISTS FOR (n:NODE_KNOWN) REQUIRE (n.cluster, n.host) IS UNIQUE",
        "CREATE CONSTRAINT weft_report IF NOT EXISTS FOR (n:NODE_REPORT) REQUIRE (n.cluster, n.seen_at) IS UNIQUE",
        "CREATE CONSTRAINT weft_told IF NOT EXISTS FOR (n:NODE_TOLD) "
        "REQUIRE (n.cluster, n.host, n.member, n.from) IS UNIQUE",
    ),
)
"""One tuple of statements a version, oldest first; released ones are never edited, only added to."""
