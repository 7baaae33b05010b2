"""Grafana's HTTP APIs for dashboards and folders: the one of its resources (`/apis`, from 12 on), and the one before.

Sources: Grafana's HTTP API reference, "Dashboard HTTP API" and "Folder HTTP API" in both editions; conflicts as its
sources answer them (412 with `status`, 409 of Kubernetes).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import orjson

from weft.base.errors import BadInput, BadSettings, Unavailable
from weft.dashboards.board import TAG
from weft.dashboards.grafana import Api, Conflict, Version

FOLDER: Final = "weft"
FOLDER_TITLE: Final = "Weft"
PAGE: Final = 1000
TRIES: Final = 5
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
TIMEOUT_S: Final = 15.0
JSON: Final = {"content-type": "application/json"}
KNOWN: Final = ("v1", "v1beta1")
"""Versions of the resource API that take classic JSON, the best first."""


class Session:
    """Requests to one Grafana, with patience: what is refused for now is asked again, a few times, ever more slowly.

    When it says how long to wait (429), nobody asks before.
    """

    def __init__(self, client: httpx.AsyncClient, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._client, self._first_pause_s = client, first_pause_s
        self._not_before_s = 0.0

    async def ask(self, method: str, path: str, *, body: Any = None, known: tuple[int, ...] = ()) -> httpx.Response:
        """The answer: a good one, or one of the `known` statuses.

        Raises:
            BadSettings: it refuses our token. BadInput: any other refusal. Unavailable: it does not answer for long.
        """
        why, content = "", None if body is None else orjson.dumps(body)
        for turn in range(TRIES):
            pause_s = min(LONGEST_PAUSE_S, self._first_pause_s * 2 ** (turn - 1)) if turn else 0.0
            await asyncio.sleep(max(pause_s, self._not_before_s - time.monotonic()))
            try:
                answer = await self._client.request(method, path, content=content, headers=JSON)
            except httpx.HTTPError as exc:
                why = str(exc) or type(exc).__name__
                continue
            if answer.is_success or answer.status_code in known:
                return answer
            why = f"{answer.status_code} {_said(answer)}".strip()
            if answer.status_code in (401, 403):
                raise BadSettings(
                    f"Grafana refuses the token: {why}.",
                    fix="Set dashboards.token to one of a service account that may write dashboards and folders.",
                )
            if answer.status_code == 429:
                self._not_before_s = time.monotonic() + _told_s(answer.headers)
            elif answer.status_code < 500:
                raise BadInput(f"Grafana refuses {method} {path}: {why}.", fix="Its log says more.")
        raise Unavailable(f"Grafana does not take {method} {path}: {why}.", fix="It is tried again the next time.")


def _told_s(headers: Mapping[str, str]) -> float:
    """How long it says to wait, s."""
    try:
        return min(LONGEST_PAUSE_S, max(0.0, float(headers.get("retry-after", ""))))
    except ValueError:
        return 1.0


def _said(answer: httpx.Response) -> str:
    try:
        told = answer.json()
    except ValueError:
        return answer.text[:200]
    return str(told.get("message", ""))[:200] if isinstance(told, dict) else ""


class _Listing:
    """What both APIs have in common: search is served by every version."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def listed(self) -> set[str]:
        """See Api."""
        found: set[str] = set()
        page = 1
        while True:
            answer = await self._session.ask("GET", f"/api/search?tag={TAG}&type=dash-db&limit={PAGE}&page={page}")
            told = answer.json()
            found |= {one["uid"] for one in told}
            if len(told) < PAGE:
                return found
            page += 1

    async def _have_folder(self, folders: str, body: dict[str, Any]) -> None:
        """See to it that our folder is there. Raises BadInput: another one has its title."""
        path = f"{folders}/{FOLDER}"
        # Whoever is no administrator is told 403 of a folder that does not exist.
        if (await self._session.ask("GET", path, known=(403, 404))).is_success:
            return
        if (await self._session.ask("POST", folders, body=body, known=(409, 412))).is_success:
            return
        if not (await self._session.ask("GET", path, known=(403, 404))).is_success:
            raise BadInput(f"Another folder is titled {FOLDER_TITLE}.", fix="Rename it: Weft makes one of its own.")


class Classic(_Listing):
    """`/api/dashboards` and `/api/folders`, of every version so far; a mark is the dashboard's version number."""

    async def prepare(self) -> None:
        """See Api."""
        await self._have_folder("/api/folders", {"uid": FOLDER, "title": FOLDER_TITLE})

    async def newest(self, uid: str) -> Version | None:
        """See Api."""
        answer = await self._session.ask("GET", f"/api/dashboards/uid/{uid}", known=(404,))
        if answer.status_code == 404:
            return None
        number = answer.json()["dashboard"]["version"]
        told = (await self._session.ask("GET", f"/api/dashboards/uid/{uid}/versions?limit=1", known=(404,))).json()
        # A list to Grafana 11, an object since.
        versions = told.get("versions", []) if isinstance(told, dict) else told
        said = next((one.get("message", "") for one in versions if one.get("version") == number), "")
        return Version(str(number), said)

    async def write(self, uid: str, body: dict[str, Any], mark: str | None, message: str) -> str:
        """See Api."""
        asked = {
            "dashboard": body | ({"version": int(mark)} if mark else {}),
            "folderUid": FOLDER,
            "message": message,
            "overwrite": False,
        }
        answer = await self._session.ask("POST", "/api/dashboards/db", body=asked, known=(404, 412))
        told = answer.json()
        if answer.is_success:
            return str(told["version"])
        if answer.status_code == 404 or told.get("status") == "version-mismatch":
            raise Conflict
        raise BadInput(
            f"Grafana does not take dashboard {uid}: {told.get('message', told.get('status'))}.",
            fix=f"Look for another of its title in the folder {FOLDER_TITLE}.",
        )

    async def remove(self, uid: str, mark: str) -> None:
        """See Api. This API cannot be told which version is meant; it was looked at just before."""
        await self._session.ask("DELETE", f"/api/dashboards/uid/{uid}", known=(404,))


class Resources(_Listing):
    """`/apis/dashboard.grafana.app`; a mark is the resource's version."""

    def __init__(self, session: Session, version: str, folders: str, namespace: str) -> None:
        super().__init__(session)
        self._version = f"dashboard.grafana.app/{version}"
        self._folder_version = f"folder.grafana.app/{folders}"
        self._root = f"/apis/{self._version}/namespaces/{namespace}/dashboards"
        self._folders = f"/apis/{self._folder_version}/namespaces/{namespace}/folders"

    async def prepare(self) -> None:
        """See Api."""
        metadata = {"name": FOLDER}
        spec = {"title": FOLDER_TITLE}
        body = {"apiVersion": self._folder_version, "kind": "Folder", "metadata": metadata, "spec": spec}
        await self._have_folder(self._folders, body)

    async def newest(self, uid: str) -> Version | None:
        """See Api."""
        answer = await self._session.ask("GET", f"{self._root}/{uid}", known=(404,))
        if answer.status_code == 404:
            return None
        told = answer.json()["metadata"]
        return Version(told["resourceVersion"], (told.get("annotations") or {}).get("grafana.app/message", ""))

    async def write(self, uid: str, body: dict[str, Any], mark: str | None, message: str) -> str:
        """See Api."""
        metadata: dict[str, Any] = {
            "name": uid,
            "annotations": {"grafana.app/folder": FOLDER, "grafana.app/message": message},
        }
        asked = {"apiVersion": self._version, "kind": "Dashboard", "metadata": metadata, "spec": body}
        if mark is None:
            answer = await self._session.ask("POST", self._root, body=asked, known=(409,))
        else:
            metadata["resourceVersion"] = mark
            answer = await self._session.ask("PUT", f"{self._root}/{uid}", body=asked, known=(404, 409))
        if not answer.is_success:
            raise Conflict
        return str(orjson.loads(answer.content)["metadata"]["resourceVersion"])

    async def remove(self, uid: str, mark: str) -> None:
        """See Api."""
        body = {"preconditions": {"resourceVersion": mark}}
        answer = await self._session.ask("DELETE", f"{self._root}/{uid}", body=body, known=(404, 409))
        if answer.status_code == 409:
            raise Conflict


@asynccontextmanager
async def opened(url: str, token: str, *, first_pause_s: float = FIRST_PAUSE_S) -> AsyncIterator[Api]:
    """A Grafana by the best API that it has.

    Raises:
        BadSettings: no such address, or it refuses the token. Unavailable: it does not answer.
    """
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        client = httpx.AsyncClient(base_url=url.rstrip("/"), headers=headers, timeout=TIMEOUT_S)
    except (httpx.InvalidURL, ValueError) as exc:
        raise BadSettings(f"dashboards.grafana = '{url}' is no address.", fix="Give one like https://grafana") from exc
    async with client:
        session = Session(client, first_pause_s)
        version = await _newest_of(session, "dashboard.grafana.app")
        folders = await _newest_of(session, "folder.grafana.app")
        if version is None or folders is None:
            yield Classic(session)
            return
        org = (await session.ask("GET", "/api/org")).json()["id"]
        yield Resources(session, version, folders, "default" if org == 1 else f"org-{org}")


async def _newest_of(session: Session, group: str) -> str | None:
    """The best version of a resource API that we know and that it serves; None: none."""
    answer = await session.ask("GET", f"/apis/{group}/", known=(404,))
    try:
        told = answer.json() if answer.is_success else {}
    except ValueError:
        return None  # a page for people, as versions before 11 answer to what they do not know
    served = {one.get("version") for one in told.get("versions", [])} if isinstance(told, dict) else set()
    return next((one for one in KNOWN if one in served), None)
