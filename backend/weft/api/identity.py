"""Headers into a Viewer; what a viewer may see is decided below, not here."""

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request

from weft.base.access import LOCAL, Role, Viewer
from weft.base.config import Http
from weft.base.errors import Forbidden


def identify(client: str | None, headers: Mapping[str, str], http: Http) -> Viewer:
    """Who asks: the user that the site's proxy names, or whoever sits at this machine.

    Args:
        client: address of the other end of the connection; None: a Unix socket.
        headers: request headers by lower-case name.
    Raises:
        Forbidden: no identity, and not from this machine.
    """
    user = headers.get(http.identity_header.lower(), "").strip() if http.identity_header else ""
    if user:
        roles: frozenset[Role] = frozenset({"user", "operator"} if user in http.operators else {"user"})
        return Viewer(user, roles)
    if client is None or is_loopback(client):
        if not _typed_here(headers.get("host", "")):
            raise Forbidden(
                f"A request from this machine calls it '{headers.get('host')}', which may be a web page's trick.",
                fix="Ask for it as 127.0.0.1, localhost or by its short name, or set http.identity_header.",
            )
        return LOCAL
    if http.identity_header:
        raise Forbidden(
            f"No data without an identity: the header {http.identity_header} is missing.",
            fix="Let the proxy send it (Grafana: send_user_header = true), or ask from the machine that Weft runs on.",
        )
    raise Forbidden(
        f"No data without an identity: {client} is another machine.",
        fix="Set http.identity_header to the header in which your proxy names the user (Grafana: X-Grafana-User).",
    )


def viewer_of(request: Request) -> Viewer:
    """The viewer of a request, as a dependency of every route that answers with data."""
    http: Http = request.app.state.http
    return identify(request.client.host if request.client else None, request.headers, http)


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
