"""What Graphite's routes have in common: the time asked for, and answers as its clients take them."""

import re
from collections.abc import Iterable, Iterator
from datetime import tzinfo
from itertools import chain, islice
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import Headers

from weft.api.engines import Engines
from weft.api.forms import Form
from weft.api.gate import cors_headers
from weft.base.errors import BadRequest, Forbidden
from weft.metrics import times, wire
from weft.metrics.series import Window

DAY = "-24h"
"""graphite-web's default for `from`."""

JSON, SCRIPT = "application/json", "text/javascript"

NOTICE_CHARACTERS = 2000
"""Servers in between refuse headers of more than some kilobytes."""

NAMES_AT_ONCE = 5000
"""Names of a list in a chunk."""

_CALLBACK = re.compile(r"[A-Za-z_$][\w$.]{0,99}", re.ASCII)


def window_of(form: Form, engines: Engines, zone: tzinfo, since: str = DAY, unsaid: str = "") -> Window:
    """The time a request spans, in any of Graphite's forms; the wrong way round it is turned, as graphite-web does.

    Args:
        since: from when, where the request does not say. unsaid: a value that says nothing.
    Raises:
        BadRequest: not a time.
    """
    now_s = engines.clock() // 1000
    if told := form.one("now"):
        now_s = times.parse_time(told, zone, now_s)
    said = {name: value for name in ("from", "until") if (value := form.one(name)) and value != unsaid}
    from_s = times.parse_time(said.get("from", since), zone, now_s)
    until_s = times.parse_time(said.get("until", "now"), zone, now_s)
    return Window(min(from_s, until_s), max(from_s, until_s), now_s)


def zone_of(form: Form, engines: Engines) -> tzinfo:
    """The zone in which `midnight` and dates are meant: tz, or the site's. Raises BadRequest: no such zone."""
    name = form.one("tz")
    if name is None:
        return engines.site.zone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadRequest(f"tz={name} is not a time zone.", fix="Give one like Europe/Berlin or UTC.") from None


def share(form: Form, name: str) -> float:
    """A number from 0 to 1, 0 when not said. Raises BadRequest."""
    value = form.one(name)
    if value is None:
        return 0.0
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise BadRequest(f"{name}={value} is not a share.", fix="Give a number from 0 to 1.")
    return number


def known_page(request: Request) -> bool:
    """True when a browser says that the request comes from a page that may read our answers, see `cors_headers`.

    A page cannot change what the browser says there, but can have it left out: then nothing is known.
    """
    origin = request.headers.get("origin", "")
    if not origin:
        try:
            page = urlsplit(request.headers.get("referer", ""))
        except ValueError:
            return False
        origin = f"{page.scheme}://{page.netloc}"
    told = Headers({"origin": origin, "host": request.headers.get("host", "")})
    return bool(cors_headers(told, frozenset(request.app.state.http.origins)))


def callback_of(request: Request, form: Form) -> str | None:
    """The function that `jsonp` wants to be called with the answer, None: plain JSON is asked for.

    Any page can load a script from anywhere, also from the loopback address of whoever looks at it, and with `jsonp`
    the script is our data. So it is only for pages that may read the answers anyway.

    Raises:
        BadRequest: not the name of a function. Forbidden: asked for by another page, or by nobody knows which.
    """
    name = form.one("jsonp")
    if name is None:
        return None
    if not _CALLBACK.fullmatch(name):
        raise BadRequest(f"jsonp={name[:60]} is not the name of a function.", fix="Give one like jsonp=draw.")
    if not known_page(request):
        raise Forbidden(
            "jsonp is only for pages of this host, and neither Origin nor Referer names one.",
            fix="Ask without jsonp, or add the page's origin to http.origins.",
        )
    return name


def answer(request: Request, form: Form, value: object, headers: dict[str, str] | None = None) -> Response:
    """A small JSON answer, for people (`pretty`) or a page's script (`jsonp`) where they ask. Raises as callback_of."""
    callback = callback_of(request, form)
    body = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS if form.flag("pretty") else None)
    if callback is not None:
        return Response(b"%b(%b)" % (callback.encode(), body), media_type=SCRIPT, headers=headers)
    return Response(body, media_type=JSON, headers=headers)


def streamed(
    chunks: Iterable[bytes], kind: str, headers: dict[str, str] | None = None, callback: str | None = None
) -> Response:
    """An answer of a media type, as it is made where it is large; a callback: it is called with it."""
    if callback is not None:
        chunks, kind = _called(callback, chunks), SCRIPT
    rest = iter(chunks)
    first = list(islice(rest, 2))
    if len(first) < 2:
        # Most are: to send what is there spares a tenth of the time that a panel of 20 series takes.
        return Response(b"".join(first), media_type=kind, headers=headers)
    return StreamingResponse(wire.paced(chain(first, rest)), media_type=kind, headers=headers)


def names_json(names: Iterable[str]) -> Iterator[bytes]:
    """A JSON array of names, in chunks."""
    before = b"["
    rest = iter(names)
    while some := list(islice(rest, NAMES_AT_ONCE)):
        yield before + orjson.dumps(some)[1:-1]
        before = b","
    yield b"[]" if before == b"[" else b"]"


def _called(callback: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield f"{callback}(".encode()
    yield from chunks
    yield b")"


def notice_header(notices: Iterable[str]) -> dict[str, str]:
    """The header X-Weft-Notice; headers are ASCII and short."""
    text = " | ".join(" ".join(notice.split()) for notice in notices)[:NOTICE_CHARACTERS]
    return {"x-weft-notice": text.encode("ascii", "replace").decode()} if text else {}


def members_of(form: Form, name: str) -> dict[str, str]:
    """The values of `name[member]=value`, by member."""
    members = (key[len(name) + 1 : -1] for key in form.values if key.startswith(f"{name}[") and key.endswith("]"))
    return {member: value for member in members if member and (value := form.one(f"{name}[{member}]")) is not None}
