"""One Elasticsearch 8.19 node, of Elastic's own published jars: what a cluster answers without its x-pack.

It has no security, lifecycle, scripts or ingest processors, and of the analysers only the server's own.
"""

import contextlib
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.services import process

SOURCES = Path(__file__).with_suffix("")
POM, NODE, LOGGING = (SOURCES / name for name in ("pom.xml", "TestNode.java", "log4j2.xml"))

VERSION = "8.19.21"
"""Of server and transport: both must be the same, and not every version of the server has its transport published."""

HEAP = "512m"
TRANSPORT = "transport-netty4"
DESCRIPTOR = "plugin-descriptor.properties"
ARCHIVE = "classes.jsa"
"""Loaded classes as the JVM maps them: spares a start two seconds."""


def install() -> Path:
    """The folder with the jars, made unless it is there.

    Raises:
        RuntimeError: Maven or the Java compiler is missing or failed; with its words.
    """
    return process.installed(_folder(), _make)


def is_installed() -> bool:
    """Whether install() has nothing left to do."""
    return (_folder() / "installed").exists()


def _folder() -> Path:
    sources = (path.read_bytes() for path in (POM, NODE, LOGGING))
    return process.cached(VERSION.encode(), *sources, name="elasticsearch")


def _make(folder: Path) -> None:
    process.run(
        ["mvn", "-q", "-B", "-f", str(POM), f"-Dhome={folder}", f"-Delasticsearch.version={VERSION}", "package"]
    )
    transport = folder / "modules" / TRANSPORT
    (jar,) = transport.glob(f"{TRANSPORT}-*.jar")
    with zipfile.ZipFile(jar) as told:
        descriptor = told.read(f"META-INF/es-plugins/{TRANSPORT}/{DESCRIPTOR}").decode()
    # It names a Java module, and a server on the class path loads none.
    kept = [line for line in descriptor.splitlines() if not line.startswith("modulename")]
    (transport / DESCRIPTOR).write_text("\n".join(kept) + "\n")
    classes = folder / "classes"
    process.run(["javac", "-nowarn", "-cp", str(folder / "lib" / "*"), "-d", str(classes), str(NODE)])
    with zipfile.ZipFile(folder / "lib" / "test-node.jar", "w") as jar_of_ours:
        for path in (LOGGING, *classes.glob("*.class")):
            jar_of_ours.write(path, path.name)
    with TemporaryDirectory(prefix="weft-elasticsearch-") as home:
        _started(folder, Path(home), process.free_port(), [f"-XX:ArchiveClassesAtExit={folder / ARCHIVE}"]).stop()


class Server(process.Service):
    """A node on one folder and port, which may be ended and started again."""

    def __init__(self, home: Path) -> None:
        self._installed, self._home, self._port = install(), home, process.free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._process = self._start()

    def _start(self) -> process.Process:
        archive = self._installed / ARCHIVE
        # Another JVM than the one that made the archive says so and goes on without it.
        return _started(self._installed, self._home, self._port, [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off"])


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A node that keeps its data in the folder, until the block ends.

    Raises:
        RuntimeError: it does not start; with the end of what it printed.
    """
    server = Server(folder)
    try:
        yield server
    finally:
        server.stop()


def _started(installed: Path, home: Path, port: int, options: Sequence[str]) -> process.Process:
    for name in ("config", "tmp"):
        (home / name).mkdir(parents=True, exist_ok=True)
    settings = {
        "path.home": home,
        "path.data": home / "data",
        "path.logs": home / "logs",
        "cluster.name": "weft-tests",
        "network.host": "127.0.0.1",
        "http.port": port,
        "transport.port": 0,
        "discovery.type": "single-node",
        # A disk that other things fill must not make indices read-only.
        "cluster.routing.allocation.disk.threshold_enabled": "false",
    }
    java = ["java", f"-Xms{HEAP}", f"-Xmx{HEAP}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
    java += ["-Djava.awt.headless=true", f"-Djava.io.tmpdir={home / 'tmp'}", *options]
    # Jar by jar in a fixed order: the archive holds for this class path alone.
    jars = ":".join(str(jar) for jar in sorted((installed / "lib").glob("*.jar")))
    return process.started(
        [*java, "-cp", jars, "TestNode", str(installed / "modules"), *(f"{k}={v}" for k, v in settings.items())],
        home / "output", lambda _: _healthy(port), folder=home,
    )  # fmt: skip


def _healthy(port: int) -> bool:
    """Whether all its indices can be used. Raises OSError: not yet, or not reached."""
    wanted = f"http://127.0.0.1:{port}/_cluster/health?wait_for_status=yellow&timeout=5s"
    with urllib.request.urlopen(wanted, timeout=10) as answer:
        return bool(answer.status == 200)
