"""A Neo4j Community server from Maven's jars, in a folder of its own; Bolt on loopback alone, and a password."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.services import process

VERSION = "5.26.30"
POM = Path(__file__).with_name("neo4j") / "pom.xml"
PASSWORD = "only-on-loopback"
CONFIGURATION = """
server.bolt.listen_address=127.0.0.1:{port}
server.http.enabled=false
server.https.enabled=false
server.memory.pagecache.size={pagecache}
db.memory.transaction.max={transaction}
server.config.strict_validation.enabled=true
dbms.security.allow_csv_import_from_file_urls=false
internal.dbms.cypher_ip_blocklist=0.0.0.0/0,::/0
internal.dbms.bolt.netty_server_shutdown_quiet_period=0
db.tx_log.preallocate=false
dbms.usage_report.enabled=false
"""
"""No files, no other hosts by LOAD CSV; no reports home; a stop that does not wait for clients that are gone. One query
may not take the memory that all share: others would be refused meanwhile."""

SERVER, ADMIN = "org.neo4j.server.CommunityEntryPoint", "org.neo4j.cli.AdminTool"
OPENED = ("java.base/java.nio", "java.base/java.io", "java.base/sun.nio.ch")
"""What its own start script opens; without them it warns."""


class Server(process.Service):
    """A server that answers. It can be killed or stopped, and started again with the same data at the same port."""

    def __init__(self, folder: Path, heap: str, pagecache: str, flags: Sequence[str]) -> None:
        self._folder, self._heap, self._pagecache, self._flags = folder, heap, pagecache, flags
        self._installed = install()
        self._port = process.free_port()
        self.url = f"bolt://127.0.0.1:{self._port}"
        self.user, self.password = "neo4j", PASSWORD
        self._process = self._start()

    def _start(self) -> process.Process:
        home = _home(self._folder, self._port, self._heap, self._pagecache)
        login = home / "data" / "dbms" / "auth.ini"
        if not login.parent.exists():
            login.parent.mkdir(parents=True)
            shutil.copy(self._installed / "auth.ini", login)
        # Another Java than the one that made the archive goes on without it, in silence.
        archive = [f"-XX:SharedArchiveFile={self._installed / 'classes.jsa'}", "-Xlog:cds=off"]
        return _started(self._installed, home, self._heap, *archive, *self._flags)


def install() -> Path:
    """Fetch the jars unless they are there: a folder with `lib/`, `auth.ini` and `classes.jsa`.

    Raises:
        RuntimeError: no Maven, no Java, or one of them failed; with the end of what it printed.
    """
    return process.installed(_folder(), _make)


def is_installed() -> bool:
    """Whether install() has nothing left to do."""
    return (_folder() / "installed").exists()


@contextlib.contextmanager
def serving(folder: Path, heap: str = "512m", pagecache: str = "128m", *flags: str) -> Iterator[Server]:
    """A server with its data in this folder, until the block ends. Raises RuntimeError: it does not start."""
    server = Server(folder, heap, pagecache, flags)
    try:
        yield server
    finally:
        server.stop()


def _folder() -> Path:
    return process.cached(POM.read_bytes(), PASSWORD.encode(), name="neo4j")


def _make(folder: Path) -> None:
    """Jars; the password as the server keeps it; and its classes as one run of it has loaded them."""
    jars = [f"-DoutputDirectory={folder / 'lib'}", "-DincludeScope=runtime"]
    process.run(["mvn", "-B", "-q", "-f", str(POM), "dependency:copy-dependencies", *jars])
    with TemporaryDirectory(prefix="weft-neo4j-") as name:
        home = _home(Path(name), process.free_port())
        command = [*_java(folder, "256m"), ADMIN, "dbms", "set-initial-password", PASSWORD]
        process.run(command, environment={**os.environ, "NEO4J_HOME": name, "NEO4J_CONF": f"{name}/conf"})
        shutil.copy(home / "data" / "dbms" / "auth.ini", folder / "auth.ini")
        _started(folder, home, "512m", f"-XX:ArchiveClassesAtExit={folder / 'classes.jsa'}").stop()


def _home(folder: Path, port: int, heap: str = "512m", pagecache: str = "64m") -> Path:
    for below in ("conf", "import"):
        (folder / below).mkdir(parents=True, exist_ok=True)
    heap_mb = int(heap[:-1]) * {"m": 1, "g": 1024}[heap[-1]]
    settings = CONFIGURATION.format(port=port, pagecache=pagecache, transaction=f"{heap_mb // 4}m")
    (folder / "conf" / "neo4j.conf").write_text(settings)
    return folder


def _java(installed: Path, heap: str, *more: str) -> Sequence[str]:
    """A JVM that starts fast and stays small rather than one that is fast after hours."""
    opened = [f"--add-opens={package}=ALL-UNNAMED" for package in OPENED]
    quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError", "-Dfile.encoding=UTF-8"]
    return ["java", f"-Xms{heap}", f"-Xmx{heap}", *quick, *opened, *more, "-cp", f"{installed}/lib/*"]


def _started(installed: Path, home: Path, heap: str, *more: str) -> process.Process:
    output = home / "output"
    output.write_bytes(b"")
    command = [*_java(installed, heap, *more), SERVER, f"--home-dir={home}", f"--config-dir={home}/conf"]
    # It listens a little before it can be asked; this word comes after.
    return process.started([*command, "--console-mode"], output, lambda _: b"INFO  Started." in output.read_bytes())
