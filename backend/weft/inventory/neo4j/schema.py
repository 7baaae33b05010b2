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
(:MODULE {vendor, part, serial, length_m})-[:PLUGGED_IN {<span>}]->(:PORT)
(:SW)-[:HAS_LFT {fabric, switch, seen_at}]->(:LFT {sha256, data})
(:EVENT {fabric, at, since, kind, severity, text, about, made, number})-[:ABOUT]->(:DEVICE|:PORT|:CABLE)
(:EVENT {at, kind, severity, text, about})                           a note: no fabric, no made
(:Host {name})-[:HAS_HCA {valid_from, valid_to}]->(:HCA)
(:Host)-[:PART_OF]->(:Partition {name, cluster})
(:Host)-[:JOBCLIENT {start, end}]->(:Job {key, cluster, id, label, name, user, account, partition, state, submit, start,
  end, exit_code, exit_signal, node_count, cpus, features, tres, predicted_start, seen_at, source})
Weft's own: (:SWEEP {fabric, seen_at, sha256, source, absent_after, quarantined})-[:SHOWS]->(:BLOB {sha256, data}),
  (:CORRECTION), (:HEAD), (:ANCHOR), (:UNCONFIRMED), (:WIRING)-[:SHOWS]->(:BLOB), (:NODE_REPORT), (:NODE_TOLD),
  (:SOURCE), (:VERSION {what, number})
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
        "CREATE CONSTRAINT weft_job IF NOT EXISTS FOR (n:Job) REQUIRE n.key IS UNIQUE",
    ),
)
"""One tuple of statements a version, oldest first; released ones are never edited, only added to."""
