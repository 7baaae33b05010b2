"""A stub of Grafana's HTTP API for dashboards and folders, as its reference and its sources say it behaves: versions
and their conflicts, tokens, and trouble on request. It serves both editions of the API over one store.
"""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

TOKEN = "glsa_right"
SLOW_S = 0.1


@dataclass
class Saved:
    """A dashboard: its JSON, how often it was saved, the folder, and the message of the last save."""

    body: dict[str, Any]
    version: int
    folder: str
    message: str


@dataclass
class Stub:
    """What it holds, what it was asked, and what trouble it makes.

    Args:
        resources: it has the newer API. trouble: of each hundred requests so many go wrong in one way or another.
        down: nothing is answered but 503; `down_after` so many saves (0: never).
    """

    resources: bool = True
    trouble: int = 0
    down: bool = False
    down_after: int = 0
    seed: int = 1
    saved: dict[str, Saved] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)

    def person_saves(self, uid: str) -> None:
        """Somebody changes a dashboard in the browser."""
        one = self.saved[uid]
        self.saved[uid] = Saved({**one.body, "panels": []}, one.version + 1, one.folder, "")

    def save(self, uid: str, body: dict[str, Any], folder: str, message: str) -> int:
        version = self.saved[uid].version + 1 if uid in self.saved else 1
        self.saved[uid] = Saved(body, version, folder, message)
        self.writes.append(uid)
        self.down = self.down or len(self.writes) == self.down_after
        return version

    def app(self) -> FastAPI:
        app = FastAPI()
        chance = random.Random(self.seed)

        @app.middleware("http")
        async def trouble(request: Request, call_next: Any) -> Response:
            self.asked.append(f"{request.method} {request.url.path}")
            if self.down:
                return JSONResponse({"message": "down"}, 503)
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                return JSONResponse({"message": "Invalid API key"}, 401)
            kind = chance.choice(["429", "500", "lost", "slow"]) if chance.randrange(100) < self.trouble else ""
            if kind == "429":
                return JSONResponse({"message": "slow down"}, 429, headers={"retry-after": "0.05"})
            if kind == "500":
                return HTMLResponse("<html>oh no</html>", 500)
            answer: Response = await call_next(request)
            if kind == "slow":
                await asyncio.sleep(SLOW_S)
            # Done, and the answer is lost on the way.
            return JSONResponse({"message": "gateway"}, 502) if kind == "lost" else answer

        _classic(app, self)
        if self.resources:
            _resources(app, self)
        return app


def _classic(app: FastAPI, stub: Stub) -> None:
    @app.get("/api/org")
    async def org() -> dict[str, Any]:
        return {"id": 1, "name": "Main Org."}

    @app.get("/api/search")
    async def search(tag: str, limit: int, page: int) -> list[dict[str, Any]]:
        found = sorted(uid for uid, one in stub.saved.items() if tag in one.body.get("tags", ()))
        return [{"uid": uid, "type": "dash-db"} for uid in found[(page - 1) * limit : page * limit]]

    @app.get("/api/folders/{uid}")
    async def folder(uid: str) -> Response:
        # As 10.1 answers an Editor; an administrator is told 404.
        needs = {
            "message": "You'll need additional permissions to perform this action. Permissions needed: folders:read"
        }
        return JSONResponse({"uid": uid}) if uid in stub.folders else JSONResponse(needs, 403)

    @app.post("/api/folders")
    async def make_folder(told: dict[str, Any]) -> Response:
        if told["uid"] in stub.folders:
            return JSONResponse({"status": "version-mismatch", "message": "changed by someone else"}, 412)
        if told["title"] in stub.folders.values():
            return JSONResponse(
                {"message": "a folder or dashboard in the general folder with the same name exists"}, 409
            )
        stub.folders[told["uid"]] = told["title"]
        return JSONResponse(told)

    @app.get("/api/dashboards/uid/{uid}")
    async def one(uid: str) -> Response:
        if uid not in stub.saved:
            return JSONResponse({"message": "Dashboard not found"}, 404)
        saved = stub.saved[uid]
        return JSONResponse({"dashboard": {**saved.body, "version": saved.version}, "meta": {}})

    @app.get("/api/dashboards/uid/{uid}/versions")
    async def versions(uid: str) -> Response:
        told = [{"version": stub.saved[uid].version, "message": stub.saved[uid].message}]
        return JSONResponse({"versions": told} if stub.resources else told)

    @app.post("/api/dashboards/db")
    async def save(told: dict[str, Any]) -> Response:
        body = told["dashboard"]
        uid, known = body["uid"], stub.saved.get(body["uid"])
        if known is not None and not told["overwrite"] and body.get("version", 0) != known.version:
            return JSONResponse({"status": "version-mismatch", "message": "changed by someone else"}, 412)
        if any(other.body["title"] == body["title"] for name, other in stub.saved.items() if name != uid):
            return JSONResponse({"status": "name-exists", "message": "A dashboard with the same name exists"}, 412)
        if told["folderUid"] not in stub.folders:
            return JSONResponse({"message": "Folder not found"}, 400)
        return JSONResponse({"uid": uid, "version": stub.save(uid, body, told["folderUid"], told["message"])})

    @app.delete("/api/dashboards/uid/{uid}")
    async def remove(uid: str) -> Response:
        return JSONResponse({}) if stub.saved.pop(uid, None) else JSONResponse({"message": "not found"}, 404)


def _resources(app: FastAPI, stub: Stub) -> None:
    @app.get("/apis/{group}/")
    async def group(group: str) -> dict[str, Any]:
        return {"kind": "APIGroup", "name": group, "versions": [{"version": name} for name in ("v2", "v1", "v1beta1")]}

    folders, dashboards = (
        f"/apis/{name}.grafana.app/v1/namespaces/default/{name}s" for name in ("folder", "dashboard")
    )

    def told(uid: str) -> dict[str, Any]:
        saved = stub.saved[uid]
        annotations = {"grafana.app/folder": saved.folder, "grafana.app/message": saved.message}
        metadata = {"name": uid, "resourceVersion": f"rv{saved.version}", "annotations": annotations}
        return {"kind": "Dashboard", "metadata": metadata, "spec": saved.body}

    def conflict(status: int = 409) -> Response:
        return JSONResponse({"kind": "Status", "code": status, "message": "the object has been modified"}, status)

    @app.get(f"{folders}/{{uid}}")
    async def folder(uid: str) -> Response:
        return JSONResponse({"kind": "Folder"}) if uid in stub.folders else conflict(404)

    @app.post(folders)
    async def make_folder(asked: dict[str, Any]) -> Response:
        if asked["metadata"]["name"] in stub.folders:
            return conflict()
        stub.folders[asked["metadata"]["name"]] = asked["spec"]["title"]
        return JSONResponse(asked, 201)

    @app.get(f"{dashboards}/{{uid}}")
    async def one(uid: str) -> Response:
        return JSONResponse(told(uid)) if uid in stub.saved else conflict(404)

    def keep(asked: dict[str, Any], status: int) -> Response:
        metadata = asked["metadata"]
        notes = metadata["annotations"]
        stub.save(metadata["name"], asked["spec"], notes["grafana.app/folder"], notes["grafana.app/message"])
        return JSONResponse(told(metadata["name"]), status)

    @app.post(dashboards)
    async def make(asked: dict[str, Any]) -> Response:
        return conflict() if asked["metadata"]["name"] in stub.saved else keep(asked, 201)

    @app.put(f"{dashboards}/{{uid}}")
    async def change(uid: str, asked: dict[str, Any]) -> Response:
        if uid not in stub.saved:
            return conflict(404)
        if asked["metadata"]["resourceVersion"] != f"rv{stub.saved[uid].version}":
            return conflict()
        return keep(asked, 200)

    @app.delete(f"{dashboards}/{{uid}}")
    async def remove(uid: str, request: Request) -> Response:
        if uid not in stub.saved:
            return conflict(404)
        if (await request.json())["preconditions"]["resourceVersion"] != f"rv{stub.saved[uid].version}":
            return conflict()
        del stub.saved[uid]
        return JSONResponse({})


@asynccontextmanager
async def serving(stub: Stub) -> AsyncIterator[str]:
    """The stub on a free port, until the block ends; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # As Go's servers have it: else the kernel keeps a body until its headers are acknowledged, for 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = uvicorn.Server(uvicorn.Config(stub.app(), log_level="error", lifespan="off"))
        task = asyncio.create_task(server._serve([listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
