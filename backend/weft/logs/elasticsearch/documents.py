"""A line as a document, and the index that it stands in: pure values.

People read a document in Kibana by the names that syslog's other ways into Elasticsearch use. What Weft searches in
is under `weft`, the same as on every engine; a site's own fields lie in `fields` as they were told and are not mapped,
so that no number of them and no change of type can fill the mapping or have a line refused.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import orjson

from weft.base.intervals import Interval, datetime_of
from weft.logs.limits import MOST
from weft.logs.store import LogLine
from weft.logs.terms import indexed

FORMAT = 1
"""Version of the mapping, kept in the template and in each index."""

DAY_MS = 86_400_000

REFRESH = "1s"
"""How soon other processes see a line; told, because a shard that is left to the default and not searched waits."""

LONGEST_KEYWORD = 8191
"""Characters of a value that is indexed whole: Lucene takes 32,766 bytes, and refuses the document over them."""

LONGEST_REGEX = 1_000_000
"""Characters of a pattern as Weft writes it; what a person may write is limited before (`patterns`)."""

_KEYWORD = {"type": "keyword", "ignore_above": LONGEST_KEYWORD}
_KEPT = {"index": False, "doc_values": False}

MAPPING: Mapping[str, Any] = {
    "dynamic": False,
    "_meta": {"weft": FORMAT},
    "properties": {
        "@timestamp": {"type": "date", "format": "strict_date_optional_time||epoch_millis"},
        "id": _KEYWORD | _KEPT,
        "host": _KEYWORD,
        "program": _KEYWORD,
        "severity": _KEYWORD,
        "source": _KEYWORD,
        # Kept, not indexed: no analyzer that all servers have cuts it as Weft does. Its words are in `weft.words`.
        "message": {"type": "text", "index": False},
        "fields": {"type": "object", "enabled": False},
        "weft": {
            "dynamic": False,
            "properties": {
                "key": {"type": "long"},
                "seq": {"type": "long"},
                "host": _KEYWORD,
                "hosts": _KEYWORD,
                "words": {"type": "text", "analyzer": "whitespace", "norms": False},
                "pairs": _KEYWORD,
                "names": _KEYWORD,
            },
        },
    },
}

FIELDS = {name: f"weft.{name}" for name in ("key", "seq", "host", "hosts", "words", "pairs", "names")}
"""Fields of `terms` that are called otherwise in a document."""


def template_of(alias: str, lifecycle: str | None) -> dict[str, Any]:
    """The index template of a site's days.

    Args:
        lifecycle: the policy that ends them; None: the cluster has no lifecycles.
    """
    settings: dict[str, Any] = {
        "number_of_shards": 1,
        "auto_expand_replicas": "0-1",
        "refresh_interval": REFRESH,
        "translog.durability": "request",
        "codec": "best_compression",
        "max_regex_length": LONGEST_REGEX,
        # One more than a page holds tells whether there is another.
        "max_result_window": MOST + 1,
        # What people look into who ask the cluster itself and name no field.
        "query.default_field": FIELDS["words"],
    }
    if lifecycle is not None:
        # A day's age counts from its date, not from when it was imported.
        settings |= {"lifecycle.name": lifecycle, "lifecycle.parse_origination_date": True}
    return {
        "index_patterns": [f"{alias}-*.*.*"],
        "allow_auto_create": True,  # also where the cluster makes no index of itself
        "priority": 500,  # over the 100 of the templates that a cluster brings along
        "version": FORMAT,
        "template": {"settings": {"index": settings}, "mappings": MAPPING, "aliases": {alias: {}}},
    }


def policy_of(keep_days: int) -> dict[str, Any]:
    """The lifecycle of a day: deleted when its last line is `keep_days` old; 0: never."""
    # A day's age counts from its begin, so its last line is a day younger.
    ended = {"delete": {"min_age": f"{keep_days + 1}d", "actions": {"delete": {}}}}
    return {"phases": ended if keep_days else {}}


def index_of(alias: str, at_ms: int) -> str:
    """The index of the day that a time lies in."""
    day = datetime_of(at_ms // DAY_MS * DAY_MS).date()
    return f"{alias}-{day.isoformat().replace('-', '.')}"


def day_of(alias: str, index: str) -> Interval | None:
    """The day that an index is named after; None: it is none of ours."""
    told = index.removeprefix(f"{alias}-")
    try:
        day = date.fromisoformat(told.replace(".", "-"))
    except ValueError:
        return None
    if index != f"{alias}-{day.isoformat().replace('-', '.')}":
        return None
    first_ms = (day - date(1970, 1, 1)).days * DAY_MS
    return Interval(first_ms, first_ms + DAY_MS)


def operation_of(alias: str, line: LogLine) -> tuple[str, bytes]:
    """The index of a line, and the two lines of a bulk that create its document.

    The id begins with the time: Lucene then passes over most segments when it looks whether it is there already.
    """
    told = indexed(line)
    index = index_of(alias, line.at_ms)
    document = {
        "@timestamp": datetime_of(line.at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "id": line.id,
        "host": line.host,
        "program": line.program,
        "severity": line.severity,
        "message": line.message,
        "source": line.source,
        "fields": dict(line.fields),
        "weft": {
            "key": told.key,
            "seq": told.seq,
            "host": told.host,
            "hosts": told.hosts,
            "words": told.words,
            "pairs": told.pairs,
            "names": told.names,
        },
    }
    action = {"create": {"_index": index, "_id": f"{line.at_ms:015}-{told.key:016x}"}}
    return index, orjson.dumps(action) + b"\n" + orjson.dumps(document) + b"\n"


def line_of(hit: Mapping[str, Any]) -> LogLine:
    """The line of a search's hit, sorted by time, `seq` and `key`."""
    told = hit["_source"]
    at_ms, seq, _ = hit["sort"]
    return LogLine(
        told["id"], at_ms, told["host"], told["program"], told["severity"], told["message"], told["source"], seq,
        told["fields"],
    )  # fmt: skip
