"""Request bodies and query strings as real clients send them, turned into plain values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from fastapi import Request

from weft.base.errors import BadRequest, TooMuch

MOST_BYTES = 4_000_000
"""A dashboard's largest request is some kilobytes; 256 targets of 4,096 characters are a million."""
MOST_FIELDS = 10_000
"""Of a form."""
MOST_ESCAPES = 300_000
"""Bytes of a form written as %xx: each takes a hundred while it is read."""

_MULTIPART = re.compile(r'multipart/form-data\s*;\s*boundary="?(?P<boundary>[^";,\s]+)', re.IGNORECASE)
_FIELD = re.compile(rb'\bname="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Form:
    """Parameters of a Graphite request: the URL's and the body's as one, each name with all its values."""

    values: Mapping[str, Sequence[str]]

    def all(self, name: str) -> list[str]:
        """Every value that says something; Go clients send the word `undefined` for what they do not know."""
        return [value for value in self.values.get(name, ()) if value and value != "undefined"]

    def one(self, name: str) -> str | None:
        """The last value, as Django's QueryDict (graphite-web) answers; None when nothing is said."""
        said = self.all(name)
        return said[-1] if said else None

    def whole(self, name: str) -> int | None:
        """A number of something, None when not said or 0. Raises BadRequest: not a number, or under 0."""
        return positive(self.one(name), name)

    def flag(self, name: str) -> bool:
        """True for 1 and true, as graphite-web reads a switch."""
        return (self.one(name) or "").lower() in {"1", "true"}


async def read_body(request: Request) -> bytes:
    """The whole body. Raises TooMuch over MOST_BYTES, before the rest of it is read."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        chunks.append(chunk)
        size += len(chunk)
        if size > MOST_BYTES:
            raise TooMuch(f"The request is over {MOST_BYTES} bytes.", fix="Split it into several.")
    return b"".join(chunks)


async def read_form(request: Request) -> Form:
    """URL and body of a Graphite call together.

    Grafana sends `/metrics/find` with from and until in the URL and the query in the body, there without any
    encoding (`query=a.{b,c}.*`); what an un-encoded glob can hold reads the same when it is decoded as a form.
    """
    body = await read_body(request) if request.method == "POST" else b""
    kind = request.headers.get("content-type", "")
    parts: list[tuple[str, str]] = []
    try:
        if found := _MULTIPART.match(kind):
            parts, body = _multipart(body, found["boundary"].encode()), b""
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("The form is not UTF-8.", fix="Send application/x-www-form-urlencoded.") from None
    if text.lstrip().startswith("{") and "json" in kind:
        raise BadRequest("Graphite's calls take no JSON.", fix="Send application/x-www-form-urlencoded or a GET.")
    merged: dict[str, list[str]] = {}
    if text.count("%") > MOST_ESCAPES:
        raise TooMuch(f"The request has more than {MOST_ESCAPES} escaped bytes.", fix="Split it into several.")
    try:
        told = [
            parse_qsl(part, keep_blank_values=True, max_num_fields=MOST_FIELDS) for part in (request.url.query, text)
        ]
    except ValueError:
        told = []
    if not told or len(parts) > MOST_FIELDS:
        raise TooMuch(f"The request has more than {MOST_FIELDS} fields.", fix="Split it into several.")
    for fields in (*told, parts):
        for name, value in fields:
            merged.setdefault(name, []).append(value.strip())
    return Form(merged)


def _multipart(body: bytes, boundary: bytes) -> list[tuple[str, str]]:
    """Fields of a form that is sent as multipart/form-data, as carbon does (by urllib3)."""
    fields: list[tuple[str, str]] = []
    for part in body.split(b"--" + boundary, MOST_FIELDS + 2)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        if name := _FIELD.search(head):
            fields.append((name[1].decode("utf-8"), value.removesuffix(b"\r\n").decode("utf-8")))
    return fields


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object of a body; {} when it is empty, as simPod sends /tag-keys on Grafana 10 and before."""
    body = await read_body(request)
    if not body.strip():
        return {}
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise BadRequest(f"The body is not JSON: {exc}.", fix="Send a JSON object.") from None
    if told is None:
        return {}
    if not isinstance(told, dict):
        raise BadRequest("The body is no JSON object.", fix='Send one, such as {"target": "jobs"}.')
    return told


def positive(value: object, name: str) -> int | None:
    """A whole number over 0 as clients write it (5, "5", 5.0); None for 0, "" and what is not said.

    Raises:
        BadRequest: anything else.
    """
    if value is None or value == "":
        return None
    try:
        number = float(str(value))
        if number >= 0 and number != float("inf"):
            return int(number) or None
    except ValueError:
        pass
    raise BadRequest(f"{name}={value} is not a number of something.", fix="Give a whole number, or leave it out.")
