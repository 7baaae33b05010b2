"""Headers into a Viewer; what a viewer may see is decided below, not here."""

import base64
import secrets
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request

from weft.base.access import LOCAL, Role, Viewer
from weft.base.config import Http
from weft.base.errors import Forbidden

PASSED_ON = ("x-forwarded-for", "forwarded", "via", "x-grafana-org-id")
"""Headers that say that somebody else asks through whoever connects; Grafana's proxy sends the first and the third."""


def identify(client: str | None, headers: Mapping[str, str], http: Http) -> Viewer:
    """Who asks: the user that the site's proxy names, or whoever sits at this machine.

    The identity header is believed from loopback and from `http.proxies` only: anybody else could claim a name. Where a
    site names users, a request that was passed on without a name is nobody's, even from this machine.

    Args:
        client: address of the other end of the connection; None: a Unix socket.
        headers: request headers by lower-case name.
    Raises:
        Forbidden: no identity that can be believed.
    """
    here = client is None or is_loopback(client)
    user = headers.get(http.identity_header.lower(), "").strip() if http.identity_header else ""
    if user and (here or client in http.proxies):
        roles: frozenset[Role] = frozenset({"user", "operator"} if user in http.operators else {"user"})
        return Viewer(user, roles)
    if user:
        raise Forbidden(
            f"No data: {client} names a user, and Weft believes only proxies it knows.",
            fix=f"Add {client} to http.proxies if it is yours.",
        )
    if http.identity_header and (not here or any(name in headers for name in PASSED_ON)):
        raise Forbidden(
            f"No data without an identity: the header {http.identity_header} is missing.",
            fix="Let the proxy send it (Grafana: send_user_header = true), or ask from the machine that Weft runs on.",
        )
    if not here:
        raise Forbidden(
            f"No data without an identity: {client} is another machine.",
            fix="Set http.identity_header to the header in which your proxy names the user (Grafana: X-Grafana-User).",
        )
    if not _typed_here(headers.get("host", "")):
        raise Forbidden(
            f"A request from this machine calls it '{headers.get('host')}', which may be a web page's trick.",
            fix="Ask for it as 127.0.0.1, localhost or by its short name, or set http.identity_header.",
        )
    return LOCAL


async def viewer_of(request: Request) -> Viewer:
    """The viewer of a request, as a dependency of every route that answers with data."""
    http: Http = request.app.state.http
    return identify(request.client.host if request.client else None, request.headers, http)


def check_shipper(client: str | None, headers: Mapping[str, str], http: Http) -> None:
    """Let a log shipper in: one on this machine, or one that shows `http.intake_token`.

    What a proxy here passes on comes from elsewhere, and so may what calls this machine by a public name. The token is
    a bearer's, or the password of any user, as rsyslog and Logstash know no other header.

    Args:
        client, headers: as `identify` takes them.
    Raises:
        Forbidden: neither.
    """
    here = client is None or is_loopback(client)
    if here and not any(name in headers for name in PASSED_ON) and _typed_here(headers.get("host", "")):
        return
    token = http.intake_token.get_secret_value()
    if token and secrets.compare_digest(_shown(headers.get("authorization", "")).encode(), token.encode()):
        return
    raise Forbidden(
        f"No log lines are taken: {client} does not show the token that shippers elsewhere need.",
        fix="Set http.intake_token here, and the same as the shipper's password (rsyslog: uid and pwd).",
    )


def _shown(authorization: str) -> str:
    """The secret in an Authorization header; "" when there is none."""
    scheme, _, told = authorization.partition(" ")
    if scheme.lower() != "basic":
        return told.strip() if scheme.lower() == "bearer" else ""
    try:
        return base64.b64decode(told, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def is_loopback(address: str) -> bool:
    """True for an address of this machine that no other one can reach, IPv4 mapped into IPv6 as well."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_loopback


def host_name(authority: str) -> str:
    """The name in `name:port`, `[address]:port` or a bare name, lower case."""
    try:
        return (urlsplit(f"//{authority}").hostname or "").lower()
    except ValueError:
        return ""


def _typed_here(authority: str) -> bool:
    """False when the Host header is a public name: a page of that name, resolved to loopback, would read everything.

    (DNS rebinding. Addresses, `localhost` and names without a dot cannot belong to a stranger's site.)
    """
    name = host_name(authority)
    if "." not in name or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
