"""Slurm's JSON: the envelope around every answer of its tools and of slurmrestd, and how its values are written.

Sources: output of 22.05 (plugin openapi v0.0.38) and 25.11 (data_parser v0.0.41 and v0.0.44), and the drift between
them: a number is plain or null, then `{set, infinite, number}`; a state a string, then a list; an exit code a wait
status, then an object in two shapes. **An empty list beside `errors` means that the question failed**: slurmrestd says
so with HTTP 200, and squeue of 22.05 with exit code 0.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from weft.base.errors import BadInput
from weft.base.formats import SHOWN
from weft.scheduler.formats.fields import NO_VALUE, Exit, exit_of_status

ASK_AGAIN = "See that slurmctld and slurmdbd answer, and ask again."

_HTTP = re.compile(r"(?a)HTTP/[\d.]+ (\d{3})[^\n]*")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question was answered: the records, the cluster if it says, and what Slurm complained of."""

    records: tuple[Mapping[str, Any], ...]
    cluster: str
    complaints: tuple[str, ...]

    @property
    def notices(self) -> tuple[str, ...]:
        """The complaints, for the reader: the first ones and how many more."""
        more = len(self.complaints) - SHOWN
        shown = tuple(f"Slurm said with it: {text[:200]}" for text in self.complaints[:SHOWN])
        return shown + ((f"Slurm said {more:,} things more with it.",) if more > 0 else ())


def is_json(head: str) -> bool:
    """Whether a text begins as an answer does, with or without HTTP's own lines before it."""
    return head.lstrip()[:1] == "{" or head.lstrip().startswith("HTTP/")


def answer_of(content: str, member: str) -> Answer:
    """The records in the list `member` of an answer.

    Raises:
        BadInput: no JSON, an HTTP error, no such list, or an empty one beside errors.
    """
    body = _body(content)
    errors = tuple(_said(each) for each in _list(body.get("errors")))
    records = body.get(member)
    if not records and errors:
        raise BadInput(f"Slurm itself failed: {'; '.join(errors)[:300]}.", fix=ASK_AGAIN)
    if not isinstance(records, list):
        raise BadInput(f"it has no list of {member}.", fix=ASK_AGAIN)
    for number, record in enumerate(records, 1):
        if not isinstance(record, Mapping):
            raise BadInput(f"number {number} of its {member} is no object.", fix=ASK_AGAIN)
    warnings = tuple(_said(each) for each in _list(body.get("warnings")))
    return Answer(tuple(records), _cluster(body), errors + warnings)


def _body(content: str) -> Mapping[str, Any]:
    """The JSON object of an answer, with or without HTTP's own lines before it."""
    plain = content.lstrip()
    if found := _HTTP.match(plain):
        plain = plain.partition("\n\n")[2]
        if not 200 <= int(found[1]) < 300:
            said = plain.strip() or found[0]
            raise BadInput(f"Slurm's REST service answered {found[1]}: {_reason(said)[:300]}.", fix=ASK_AGAIN)
    try:
        body = orjson.loads(plain)
    except orjson.JSONDecodeError as exc:
        line = exc.lineno + content.count("\n", 0, len(content) - len(plain))
        raise BadInput(f"it is no JSON, or cut: {exc.msg}.", fix="Ask again.", line=line) from exc
    if not isinstance(body, Mapping):
        raise BadInput("it is no JSON object.", fix="Give an answer of Slurm as it came.")
    return body


def _reason(said: str) -> str:
    """What an HTTP error carries: the errors of its JSON, or its text."""
    try:
        body = orjson.loads(said)
    except orjson.JSONDecodeError:
        return " ".join(said.split())
    return "; ".join(_said(each) for each in _list(body.get("errors"))) if isinstance(body, Mapping) else said


def _said(complaint: Any) -> str:
    """One error or warning in words: description, error and source, as far as they are there."""
    if not isinstance(complaint, Mapping):
        return str(complaint)
    words = [str(complaint[name]) for name in ("description", "error", "source") if complaint.get(name)]
    return ", ".join(dict.fromkeys(words)) or "it does not say what"


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _cluster(body: Mapping[str, Any]) -> str:
    """The cluster of the controller that answered, as 23.11 and later say it."""
    return text(within(body, "meta", "slurm", "cluster"))


def within(value: Any, *path: str) -> Any:
    """The member at a path, None where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def number(value: Any) -> int | None:
    """A plain number or `{set, infinite, number}`; None where not set, infinite, or one of Slurm's sentinels."""
    if isinstance(value, Mapping):
        value = value.get("number") if value.get("set") and not value.get("infinite") else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < NO_VALUE else None


def text(value: Any) -> str:
    """A text, or a list of texts as one with commas; "" for anything else."""
    if isinstance(value, list):
        return ",".join(each for each in value if isinstance(each, str))
    return value if isinstance(value, str) else ""


def words(value: Any) -> list[str]:
    """A list of words that may be a string with commas, or one word."""
    return [each for each in text(value).split(",") if each]


def time_ms(value: Any) -> int | None:
    """Epoch ms of a time in seconds; 0 stands for none."""
    seconds = number(value)
    return seconds * 1000 if seconds else None


def exit_of(value: Any) -> Exit:
    """Exit code and signal: a wait status, or an object with `return_code` and `signal`."""
    if not isinstance(value, Mapping):
        status = number(value)
        return (None, None) if status is None else exit_of_status(status)
    if "status" not in value:  # the wait status as {set, infinite, number}
        status = number(value)
        return (None, None) if status is None else exit_of_status(status)
    signal = within(value, "signal")
    caught = number(within(signal, "id")) or number(within(signal, "signal_id"))
    code = number(value.get("return_code"))
    return (None, None) if code is None and caught is None else (code or 0, caught or 0)
