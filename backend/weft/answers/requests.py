"""`name key=value ...`: what people type for a table or for annotations, taken apart and checked."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from weft.answers.answers import did_you_mean
from weft.answers.tables import Param
from weft.base.errors import BadRequest
from weft.base.intervals import parse_moment

MOST_CHARACTERS = 4096
MOST_IN_LIST = 1000

_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")


def parse_request(text: str) -> tuple[str, dict[str, str]]:
    """Take `jobs user=alice state="running"` apart into a name and its arguments, quoted as in a shell.

    Raises:
        BadRequest: empty, too long, a quote that does not close, an argument without `=` or given twice.
    """
    if len(text) > MOST_CHARACTERS:
        raise BadRequest(f"The request is over {MOST_CHARACTERS} characters.", fix="Shorten it.")
    try:
        words = shlex.split(text)
    except ValueError as exc:
        raise BadRequest(f"'{text}': {exc}.", fix="Close the quote, or put a backslash before it.") from None
    if not words:
        raise BadRequest("Nothing is asked.", fix="Name a table, e.g. `jobs user=alice`.")
    arguments: dict[str, str] = {}
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise BadRequest(f"'{word}' is no argument.", fix="Give key=value, in quotes where a blank is in it.")
        if key in arguments:
            raise BadRequest(f"'{key}' is given twice.", fix="Give a list with commas: key=a,b.")
        arguments[key] = value
    return words[0], arguments


def convert(name: str, params: Sequence[Param], arguments: Mapping[str, object], zone: tzinfo) -> dict[str, Any]:
    """Check arguments against parameters and give them their types; those that say nothing (None, "") are left out.

    Values may come as text (`limit=5`, `user=alice,bob`, Grafana's `{alice,bob}`) or typed from JSON.

    Raises:
        BadRequest: an unknown parameter, a missing one, a value of the wrong type or not among the choices.
    """
    known = {param.name: param for param in params}
    given = {key: value for key, value in arguments.items() if value is not None and value != "" and value != []}
    for key in arguments:
        if key not in known:
            hint = did_you_mean(key, known) if known else "It takes none."
            raise BadRequest(f"'{name}' has no parameter '{key}'.", fix=hint)
    for param in params:
        if param.required and param.name not in given:
            raise BadRequest(f"'{name}' needs {param.name}.", fix=f"Add {param.name}=...: {param.doc}")
    told = {param.name: param.default for param in params if param.default is not None}
    return told | {key: _value(known[key], value, zone) for key, value in given.items()}


def _value(param: Param, value: object, zone: tzinfo) -> Any:
    converted = _typed(param, value, zone)
    for one in converted if isinstance(converted, tuple) else (converted,):
        if param.choices and one not in param.choices:
            raise BadRequest(f"{param.name}={one} is not possible.", fix=did_you_mean(str(one), param.choices))
    return converted


def _typed(param: Param, value: object, zone: tzinfo) -> Any:
    text = str(value).strip()
    match param.type:
        case "list":
            return _listed(param, value)
        case "integer" | "number" | "time" if isinstance(value, bool):
            raise _bad(param, value, "a number")
        case "integer":
            try:
                return int(text)
            except ValueError:
                raise _bad(param, value, "a whole number") from None
        case "number":
            try:
                number = float(text)
            except ValueError:
                raise _bad(param, value, "a number") from None
            if number - number != 0:  # infinite or not a number
                raise _bad(param, value, "a finite number")
            return number
        case "boolean":
            if text.lower() not in _YES + _NO:
                raise _bad(param, value, "true or false")
            return text.lower() in _YES
        case "time":
            return parse_moment(text, zone)
        case _:
            if isinstance(value, (list, tuple, dict)):
                raise _bad(param, value, "one text")
            return text


def _listed(param: Param, value: object) -> tuple[str, ...]:
    if isinstance(value, (list, tuple)):
        words = [str(one).strip() for one in value]
    elif isinstance(value, dict):
        raise _bad(param, value, "a list")
    else:
        text = str(value).strip()
        words = [word.strip() for word in text.removeprefix("{").removesuffix("}").split(",")]
    words = [word for word in words if word]
    if len(words) > MOST_IN_LIST:
        raise BadRequest(f"{param.name} lists {len(words)} values, over {MOST_IN_LIST}.", fix="Ask for fewer.")
    return tuple(dict.fromkeys(words))


def _bad(param: Param, value: object, expected: str) -> BadRequest:
    return BadRequest(f"{param.name}={value} is not {expected}.", fix=param.doc or f"Give {expected}.")
