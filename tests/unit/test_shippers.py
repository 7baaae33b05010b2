"""The shipped configurations of rsyslog and Logstash: both write the same fields, which are those of Weft's documents.

No Logstash runs here. Its configuration is read by the grammar of Logstash's reference ("Structure of a pipeline"), and
what its plugins do with an event is counted as their references say.
"""

import re
from pathlib import Path
from typing import Any

from weft.logs.elasticsearch.documents import MAPPING
from weft.logs.severity import SEVERITIES

PROVISIONING = Path(__file__).parents[2] / "provisioning"
RSYSLOG = (PROVISIONING / "rsyslog" / "weft.conf").read_text()
LOGSTASH = (PROVISIONING / "logstash" / "weft.conf").read_text()

FIELDS = {
    "@timestamp", "host", "program", "severity", "message", "source", "weft.seq", "fields.facility", "fields.pid",
    "fields.msgid", "fields.structured_data",
}  # fmt: skip

BY_THE_INPUT = {
    "@timestamp", "@version", "host", "message", "priority", "facility", "facility_label", "severity", "severity_label",
    "timestamp",
}  # fmt: skip
"""What logstash-input-syslog gives an event besides what its pattern catches (`ecs_compatibility` disabled)."""

TOKEN = re.compile(r"""\s+|\#.*|(?P<mark>=>|[{}\[\],])|"(?P<text>[^"]*)"|(?P<word>[^\s{}\[\],"\#=]+)""")


class Grammar:
    """Sections of plugins, each with settings; conditions are passed over."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text):
            match = TOKEN.match(text, at)
            assert match is not None, text[at : at + 40]
            if match.lastgroup:
                self._tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self._tokens.append(("end", ""))

    def _take(self, kind: str, text: str | None = None) -> str:
        told = self._tokens.pop(0)
        assert told[0] == kind, (told, self._tokens[:5])
        assert text is None or told[1] == text, (told, self._tokens[:5])
        return told[1]

    def _is(self, text: str) -> bool:
        return self._tokens[0] == ("mark", text)

    def pipeline(self) -> dict[str, list[tuple[str, dict[str, Any]]]]:
        """Plugins and their settings by section."""
        sections: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        while self._tokens[0][0] != "end":
            name = self._take("word")
            assert name in ("input", "filter", "output")
            sections[name] = self._plugins()
        return sections

    def _plugins(self) -> list[tuple[str, dict[str, Any]]]:
        self._take("mark", "{")
        found: list[tuple[str, dict[str, Any]]] = []
        while not self._is("}"):
            name = self._take("word")
            if name == "if":
                while not self._is("{"):
                    self._tokens.pop(0)
                found += self._plugins()
            else:
                found.append((name, self._settings()))
        self._take("mark", "}")
        return found

    def _settings(self) -> dict[str, Any]:
        self._take("mark", "{")
        found: dict[str, Any] = {}
        while not self._is("}"):
            name = self._take(self._tokens[0][0] if self._tokens[0][0] != "mark" else "word")
            self._take("mark", "=>")
            assert name not in found
            found[name] = self._value()
        self._take("mark", "}")
        return found

    def _value(self) -> Any:
        if self._is("{"):
            return self._settings()
        if not self._is("["):
            return self._take("text" if self._tokens[0][0] == "text" else "word")
        self._take("mark", "[")
        found = [self._value()]
        while self._is(","):
            self._take("mark", ",")
            found.append(self._value())
        self._take("mark", "]")
        return found


PIPELINE = Grammar(LOGSTASH).pipeline()


def dotted(name: str) -> str:
    """`[fields][pid]` as `fields.pid`."""
    return name.strip("[]").replace("][", ".")


def logstash_fields() -> set[str]:
    """The fields of an event behind all filters."""
    ((_, syslog),) = PIPELINE["input"]
    fields = BY_THE_INPUT | set(re.findall(r"(?:%\{\w+:|\(\?<)(\w+)[}>]", syslog["grok_pattern"]))
    for name, settings in PIPELINE["filter"]:
        if name == "ruby":
            fields |= {dotted(told) for told in re.findall(r"event\.set\('([^']+)'", settings["code"])}
        for old, new in settings.get("rename", {}).items():
            assert old in fields
            fields = fields - {old} | {dotted(new)}
        fields |= {dotted(told) for told in settings.get("add_field", {})}
        fields -= set(settings.get("remove_field", ()))
    return fields


def test_rsyslog_and_logstash_write_the_same_fields() -> None:
    rsyslog = set(re.findall(r"set \$\.document!([@\w!]+) =", RSYSLOG))
    assert {name.replace("!", ".") for name in rsyslog} == FIELDS
    assert logstash_fields() == FIELDS


def test_their_fields_are_those_of_wefts_own_documents() -> None:
    known = set(MAPPING["properties"]) | {f"weft.{name}" for name in MAPPING["properties"]["weft"]["properties"]}
    assert {name for name in FIELDS if not name.startswith("fields.")} <= known


def test_logstash_names_severities_as_weft_does() -> None:
    ((_, syslog),) = PIPELINE["input"]
    assert tuple(syslog["severity_labels"]) == SEVERITIES
    assert len(syslog["facility_labels"]) == len(set(syslog["facility_labels"])) == 24


def test_both_create_documents_with_ids_and_leave_templates_alone() -> None:
    ((_, output),) = PIPELINE["output"]
    assert (output["action"], output["document_id"]) == ("create", "%{[@metadata][id]}")
    assert [output[name] for name in ("data_stream", "manage_template", "ilm_enabled")] == ["false"] * 3
    assert {name: settings["target"] for name, settings in PIPELINE["filter"] if name == "fingerprint"} == {
        "fingerprint": "[@metadata][id]"
    }
    assert 'writeoperation="create" bulkid="weft-id" dynbulkid="on"' in RSYSLOG
    assert output["hosts"] == re.findall(r'server="([^"]+)"', RSYSLOG)
