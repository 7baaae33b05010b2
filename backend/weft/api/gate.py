"""What every request passes before its route: plain paths, a limit on the queue, CORS, and the unexpected."""

import logging
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weft.api.errors import error_response, service_response
from weft.api.identity import host_name, is_loopback
from weft.base import waits
from weft.base.errors import Busy
from weft.base.memory import FreeMemory

log = logging.getLogger(__name__)

METHODS = "GET, POST, OPTIONS"
REQUEST_HEADERS = "accept, content-type, authorization, x-dashboard-id, x-panel-id"
ALWAYS = {"x-content-type-options": "nosniff"}
"""So that a browser never runs a JSON answer as another page's script."""
NEVER_QUEUED = frozenset(
    {
        "/",
        "/overview/overview.js",
        "/overview/overview.css",
        "/healthz",
        "/readyz",
        "/docs",
        "/openapi.json",
        "/api/v1/status",
    }
)
"""Answered also while everything else is refused: one looks there to learn why."""


class Gate:
    """ASGI middleware around the whole application; one object a worker, so its count is the worker's queue."""

    def __init__(self, app: ASGIApp, *, queue: int, origins: Sequence[str] = ()) -> None:
        self._app, self._queue, self._origins = app, queue, frozenset(origins)
        self._waiting = 0
        self._memory = FreeMemory()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on; a lifespan message goes through untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = plain_path(scope["path"])
        scope = {**scope, "path": path, "raw_path": path.encode()}
        headers = Headers(scope=scope)
        cors = cors_headers(headers, self._origins)
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers={"allow": METHODS, **cors})(scope, receive, send)
            return
        # Shippers wait at the intake itself: one of them takes a 503 for final and drops its lines.
        if path in NEVER_QUEUED or path.endswith("/_bulk"):
            await self._answer(scope, receive, send, cors)
            return
        if self._waiting >= self._queue:
            busy = Busy(
                f"{self._waiting} requests wait already.",
                fix="Try again shortly; if it lasts, raise http.queue or start more workers.",
            )
            await service_response(path, busy)(scope, receive, send)
            return
        await self._answer(scope, receive, send, cors, counted=True)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, cors: dict[str, str], *, counted: bool = False
    ) -> None:
        """Run the application; a request counts as waiting until its answer begins."""
        begun = False
        self._waiting += counted

        async def watched(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start" and not begun:
                begun = True
                self._waiting -= counted
                extra = [(name.encode(), value.encode()) for name, value in {**ALWAYS, **cors}.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        try:
            with waits.one_request():
                await self._app(scope, receive, watched)
        except ClientDisconnect:
            log.info("client left before its request was read", extra={"path": scope["path"]})
        except Exception:  # the last line of defence: the reader gets an id, the log its traceback
            mark = secrets.token_hex(4)
            log.exception("request %s to %s failed", mark, scope["path"], extra={"path": scope["path"], "id": mark})
            if begun:
                raise  # half an answer is out: the server cuts the connection, so nobody takes it for a whole one
            message = f"Weft failed here, not you. Look for {mark} in its log and send that traceback to its authors."
            await error_response(scope["path"], 500, message, "internal")(scope, receive, watched)
        finally:
            if not begun:
                self._waiting -= counted
            self._memory.answered()


def plain_path(path: str) -> str:
    """A path with single slashes and none at its end: base URLs are typed with and without one.

    Answered in place, since a redirect of a POST is lost in Grafana's proxy.
    """
    return "/" + "/".join(part for part in path.split("/") if part)


def cors_headers(headers: Headers, origins: frozenset[str]) -> dict[str, str]:
    """Headers that let a browser show our answer to a page of another origin (`access: direct`).

    Only pages of this host (another port, as Grafana's), of loopback, or of an origin that the site names: with an
    echo of any origin, every page that an operator opens could read the fabric. The origin is echoed and never `*`,
    which browsers refuse together with credentials.
    """
    origin = headers.get("origin", "")
    try:
        name = (urlsplit(origin).hostname or "").lower()
    except ValueError:
        return {}
    known = name == "localhost" or is_loopback(name) or name == host_name(headers.get("host", ""))
    if not name or not (known or origin in origins):
        return {}
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": REQUEST_HEADERS,
        "access-control-expose-headers": "x-weft-notice",
        "vary": "origin",
    }
