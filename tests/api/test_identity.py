"""Headers into a Viewer: no identity, no data, except on loopback."""

import pytest

from weft.api.identity import identify
from weft.base.access import LOCAL, Viewer
from weft.base.config import Http
from weft.base.errors import Forbidden

OPEN = Http()
NAMED = Http(identity_header="X-Grafana-User", operators=("root",), proxies=("10.0.0.5",))


@pytest.mark.parametrize("client", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", None])
@pytest.mark.parametrize("http", [OPEN, NAMED])
def test_whoever_sits_at_this_machine_is_an_operator(client: str | None, http: Http) -> None:
    assert identify(client, {"host": "localhost:8077"}, http) is LOCAL


def test_the_named_user_sees_as_that_user_also_from_loopback() -> None:
    expected = Viewer("alice", frozenset({"user"}))
    assert identify("10.0.0.5", {"x-grafana-user": " alice "}, NAMED) == expected
    assert identify("127.0.0.1", {"x-grafana-user": "alice"}, NAMED) == expected


def test_a_user_whom_the_site_lists_is_an_operator() -> None:
    assert identify("10.0.0.5", {"x-grafana-user": "root"}, NAMED).operator


def test_a_header_that_the_site_did_not_name_says_nothing() -> None:
    assert identify("127.0.0.1", {"host": "localhost", "x-grafana-user": "alice"}, OPEN) is LOCAL
    with pytest.raises(Forbidden):
        identify("10.0.0.5", {"x-grafana-user": "root"}, OPEN)


@pytest.mark.parametrize(
    ("http", "says"),
    [
        (OPEN, "10.0.0.5 is another machine. Set http.identity_header"),
        (NAMED, "the header X-Grafana-User is missing. Let the proxy send it"),
    ],
)
def test_no_identity_from_elsewhere_is_no_data_and_says_how_to_get_some(http: Http, says: str) -> None:
    with pytest.raises(Forbidden) as caught:
        identify("10.0.0.5", {"host": "weft:8077", "x-grafana-user": ""}, http)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("host", "trusted"),
    [
        ("localhost:8077", True),
        ("127.0.0.1:8077", True),
        ("[::1]:8077", True),
        ("admin1:8077", True),
        ("", True),
        ("weft.localhost", True),
        ("evil.example.com:8077", False),
        ("127.0.0.1.evil.example.com", False),
    ],
)
def test_a_page_that_resolves_its_own_name_to_loopback_reads_nothing(host: str, trusted: bool) -> None:
    if trusted:
        assert identify("127.0.0.1", {"host": host}, OPEN) is LOCAL
    else:
        with pytest.raises(Forbidden):
            identify("127.0.0.1", {"host": host}, OPEN)


def test_a_name_that_a_stranger_claims_is_not_believed() -> None:
    with pytest.raises(Forbidden, match="believes only proxies"):
        identify("10.0.0.6", {"x-grafana-user": "root"}, NAMED)


@pytest.mark.parametrize("header", ["x-forwarded-for", "via", "x-grafana-org-id"])
def test_what_a_proxy_passes_on_without_a_name_is_nobodys(header: str) -> None:
    passed_on = {"host": "localhost", header: "1"}
    with pytest.raises(Forbidden, match="header X-Grafana-User is missing"):
        identify("127.0.0.1", passed_on, NAMED)
    assert identify("127.0.0.1", passed_on, OPEN) is LOCAL
