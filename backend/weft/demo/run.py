"""`weft demo`: make the site in a folder or go on with it, serve it, and let it live. The clock is read only here."""

import asyncio
import json
import logging
import os
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from starlette.types import ASGIApp

from weft.api.engines import Engines
from weft.app import applier_of, create_app, open_engines
from weft.base.config import Metrics, Settings, Site
from weft.base.errors import BadRequest, ServiceError, Unavailable
from weft.base.formats import counted
from weft.base.owner import LOCK_FILE, own
from weft.base.spool import SPOOL
from weft.demo.archives import RETENTION, write_all
from weft.demo.living import SWEEP_S, World
from weft.demo.site import CLUSTER, DAY, FABRIC, STEP, ZONE, Story
from weft.ingest.importer import FileReport, Importer
from weft.metrics.writer import WhisperWriter

log = logging.getLogger(__name__)

KEPT_S = 2 * DAY
"""How far the demo's metrics reach back: a story told longer ago has lost its beginning and is told anew."""
STATE, DUMPS = "demo.json", "dumps"
OURS = (STATE, DUMPS, "weft.toml", "inventory.db", "inventory.db-wal", "inventory.db-shm", "logs", "whisper", SPOOL)
"""What the demo makes in its folder, and takes away to begin anew."""
EMBEDDED = ""
"""Where the demo keeps what it tells, unless the settings name servers: in its folder."""
CONFIG = f"""\
# Written by weft demo; the commands read it with --data.
[site]
cluster = "{CLUSTER}"
fabric = "{FABRIC}"
timezone = "{ZONE}"

[metrics]
retention = "{RETENTION}"
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What is in the folder already: the story told there and how far, or nothing."""

    how: Literal["new", "on", "again"]
    story: Story
    told_s: int
    why: str


def demo_settings(settings: Settings) -> Settings:
    """The settings with the demo's own names over them: neither a file nor the environment changes the story."""
    site = Site(cluster=CLUSTER, fabric=FABRIC, timezone=ZONE)
    metrics = Metrics(retention=RETENTION)
    return settings.model_copy(update={"site": site, "metrics": metrics})


def servers_of(settings: Settings) -> str:
    """The servers that hold what the demo tells, besides its folder."""
    inventory = settings.neo4j.url if settings.inventory.engine == "neo4j" else EMBEDDED
    logs = settings.elasticsearch.url if settings.logs.engine == "elasticsearch" else EMBEDDED
    return " ".join(server for server in (inventory, logs) if server)


def config_of(settings: Settings) -> str:
    """The demo's weft.toml: the commands beside it ask the engines that it tells its story to."""
    text = CONFIG
    if settings.inventory.engine == "neo4j":
        told = settings.neo4j
        password = told.password.get_secret_value()
        text += _section("inventory", engine="neo4j")
        text += _section("neo4j", url=told.url, user=told.user, password=password, database=told.database)
    if settings.logs.engine == "elasticsearch":
        cluster = settings.elasticsearch
        password, key = cluster.password.get_secret_value(), cluster.api_key.get_secret_value()
        text += _section("logs", engine="elasticsearch")
        text += _section(
            "elasticsearch", url=cluster.url, user=cluster.user, password=password, api_key=key, index=cluster.index
        )
    return text


def _section(name: str, **members: str) -> str:
    # A text of JSON is one of TOML too.
    return f"\n[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in members.items())


def look(folder: Path, seed: int, now_s: int, servers: str = EMBEDDED) -> Known:
    """Find out what the folder holds.

    Args:
        servers: that hold what the demo tells, besides its folder.
    Raises:
        BadRequest: something that the demo did not make: it would be overwritten.
    """
    fresh = Story.told(seed, now_s)
    if not folder.exists() or not any(path.name != LOCK_FILE for path in folder.iterdir()):
        return Known("new", fresh, 0, "")
    try:
        told = json.loads((folder / STATE).read_text(encoding="utf-8"))
        story, told_s = Story(int(told["seed"]), int(told["built_s"])), int(told["told_s"])
        known = told.get("servers", EMBEDDED)
    except (OSError, ValueError, KeyError, TypeError):
        raise BadRequest(
            f"{folder} holds something that weft demo did not make.", fix="Name an empty or a new folder with --data."
        ) from None
    if story.seed != seed:
        return Known("again", fresh, 0, f"the site there was made from seed {story.seed}")
    if known != servers:
        return Known("again", fresh, 0, "it was told to other engines")
    if told_s < story.built_s:
        return Known("again", fresh, 0, "it was not finished")
    if not 0 <= now_s - story.built_s <= KEPT_S:
        return Known("again", fresh, 0, "its story is older than its metrics reach back")
    return Known("on", story, told_s, "")


def clear(folder: Path) -> None:
    """Take away what the demo made there."""
    for name in OURS:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def remember(folder: Path, story: Story, told_s: int, servers: str = EMBEDDED) -> None:
    """Write down what is in the folder; whole or not at all."""
    text = json.dumps({"seed": story.seed, "built_s": story.built_s, "told_s": told_s, "servers": servers})
    (folder / f"{STATE}.new").write_text(text + "\n", encoding="utf-8")
    (folder / f"{STATE}.new").rename(folder / STATE)


class Demo:
    """One demo in its folder; `say` tells the person at the terminal what happens."""

    def __init__(self, settings: Settings, seed: int, say: Callable[[str], None]) -> None:
        self.settings, self.folder, self._seed, self._say = demo_settings(settings), settings.data, seed, say
        self._writer = WhisperWriter(self.settings.whisper_root, RETENTION)
        self._servers = servers_of(settings)
        self._told: set[str] = set()
        self.given_up = threading.Event()

    def make(self, now_s: int) -> tuple[World, Known]:
        """Bring the folder's metrics up to now, and its world with them.

        Works on the disk for seconds: call it from a thread of the folder's owner; `given_up` ends it early.
        """
        known = look(self.folder, self._seed, now_s, self._servers)
        if known.how == "again":
            clear(self.folder)
        (self.folder / DUMPS).mkdir(parents=True, exist_ok=True)
        if known.how != "on":
            remember(self.folder, known.story, 0, self._servers)
            config = self.folder / "weft.toml"
            config.touch(mode=0o600)  # a server's password is nobody else's
            config.write_text(config_of(self.settings), encoding="utf-8")
        self._say(_beginning(self.folder, known))
        world = World(known.story)
        until_s = now_s // STEP * STEP
        world.go_on(until_s)
        files = 0
        for _ in write_all(self._writer, world.traffic, world.load, world.jobs, until_s):
            if self.given_up.is_set():
                return world, known
            files += 1
        self._say(f"{files:,} series written to {self.settings.whisper_root}.")
        return world, known

    async def import_past(self, importer: Importer, world: World, known: Known, now_s: int) -> int:
        """Import what the tools printed until now; returns until when (epoch s)."""
        until_s = now_s // STEP * STEP
        told_s = known.told_s or known.story.built_s
        files: list[FileReport] = []
        if known.how != "on":
            files += await self._feed(importer, world.told_day(), known.story.built_s)
            for at_s, texts in world.tables_of_day().items():
                files += await self._feed(importer, texts, at_s)
        late = world.told_since(told_s, until_s, sweep=until_s - told_s >= SWEEP_S)
        files += await self._feed(importer, late, until_s)
        remember(self.folder, known.story, until_s, self._servers)
        kinds = ", ".join(f"{count} of {kind}" for kind, count in Counter(file.kind for file in files).items())
        self._say(f"{counted(len(files), 'dump')} of its tools imported from {self.folder / DUMPS}: {kinds}.")
        return until_s

    async def live(self, importer: Importer, world: World, told_s: int) -> None:
        """Every 10 seconds: new points, lines and jobs, and now and then a sweep; until cancelled."""
        swept_s = told_s
        while True:
            await asyncio.sleep(STEP - time.time() % STEP)
            at_s = int(time.time()) // STEP * STEP
            if at_s <= told_s:
                continue
            sweep = at_s - swept_s >= SWEEP_S
            try:
                await asyncio.to_thread(self._step, world, at_s)
                await self._feed(importer, world.told_since(told_s, at_s, sweep=sweep), at_s, live=True)
                remember(self.folder, world.story, at_s, self._servers)
            except (ServiceError, OSError) as exc:
                # A full disk stops no reader; what was missed now is told with the next step.
                if str(exc) not in self._told:
                    self._told.add(str(exc))
                    log.warning("the demo cannot go on: %s", exc)
                continue
            told_s, swept_s = at_s, at_s if sweep else swept_s

    def _step(self, world: World, at_s: int) -> None:
        world.go_on(at_s)
        self._writer.write(at_s, world.points(at_s))

    async def _feed(
        self, importer: Importer, texts: dict[str, str], at_s: int, *, live: bool = False
    ) -> tuple[FileReport, ...]:
        """Write texts to `dumps` and import them as a person would. Raises Unavailable: one was refused."""
        paths = [self.folder / DUMPS / name for name in texts]

        def write() -> None:
            for path, text in zip(paths, texts.values(), strict=True):
                path.write_text(text, encoding="utf-8")
                # A file that does not say when it was made is imported again by its own time, and changes nothing.
                os.utime(path, (at_s, at_s))

        await asyncio.to_thread(write)
        report = await importer.import_paths(paths, seen_at_ms=at_s * 1000, live=live)
        for file in report.files:
            if file.error:
                raise Unavailable(f"The demo's own dump was refused: {file.error}", fix="")
        return report.files


async def run_demo(
    settings: Settings,
    seed: int,
    url: str,
    serve: Callable[[ASGIApp], Awaitable[None]],
    say: Callable[[str], None],
) -> None:
    """Make the site or go on with it, say what to ask, and let it live while it is served.

    Args:
        url: where `serve` will be found. serve: serves an application until somebody ends it.
    Raises:
        BadRequest: the folder holds something else. OwnedElsewhere: another process has it.
    """
    demo = Demo(settings, seed, say)
    with own(demo.folder, f"weft demo at {url}"):
        try:
            world, known = await asyncio.to_thread(demo.make, int(time.time()))
        finally:
            demo.given_up.set()
        async with open_engines(demo.settings, owner=True) as engines:
            if engines.importer is None:
                raise TypeError("an owner without an importer")
            if known.how != "on":
                await _refuse_what_is_told(engines)
            told_s = await demo.import_past(engines.importer, world, known, int(time.time()))
            say(guide(demo.folder, url))
            living = asyncio.create_task(demo.live(engines.importer, world, told_s))
            applying = asyncio.create_task(applier_of(engines).run())
            try:
                await serve(create_app(demo.settings, engines))
            finally:
                living.cancel()
                applying.cancel()
                await asyncio.gather(living, applying, return_exceptions=True)


async def _refuse_what_is_told(engines: Engines) -> None:
    """Raise BadRequest where a server holds something: what the demo kept in its folder has been taken away."""
    held = any((await engines.site.ledger.stats()).values()) or (await engines.site.logs.stats()).get("lines")
    if held:
        raise BadRequest(
            f"{servers_of(engines.settings)} holds something already.",
            fix="Let the demo have empty ones: `make demo ENGINES=real` starts them.",
        )


def guide(folder: Path, url: str) -> str:
    """What to ask the demo, and how to point a Grafana at it."""
    # `make demo` does not put the virtual environment into the path of the terminal next to it.
    weft = "weft" if shutil.which("weft") else sys.argv[0]
    questions = (
        ("job 4711", "which hosts, ports, cables, switches?"),
        ("placement 4711", "does its placement explain that it is slow?"),
        ("cable leaf01/17", "errors there: where was this cable before?"),
        ("vanished", "which host is gone, and who was on it?"),
        ("changes", "what changed in the fabric?"),
        ("check", "what runs, what is missing?"),
    )
    asked = "\n".join(f"  {weft} {command} --data {folder}\n      {question}" for command, question in questions)
    return f"""
Ask it, in another terminal:
{asked}
Or over HTTP:
  {url}/
  curl '{url}/api/v1/jobs/4711/placement'
  curl '{url}/graphite/render?format=json&from=-10min&target=job.4711.hosts.*.cpu.user'
  curl '{url}/graphite/render?format=json&from=-9h&target=switch.leaf01.*.SymbolErrorCounter'
In Grafana, add a data source with access "Server":
  Graphite, version 1.1.x       {url}/graphite
  SimpleJSON, or JSON (simPod)  {url}/json
It lives: every 10 seconds there are new points, lines and jobs. Ctrl-C ends it.
"""


def _beginning(folder: Path, known: Known) -> str:
    if known.how == "on":
        return f"Going on with the site in {folder}."
    if known.how == "again":
        return f"Making the site in {folder} anew: {known.why}."
    return f"Making a site in {folder}: 322 hosts, 27 switches, a day of jobs."
