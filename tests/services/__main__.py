"""`python -m tests.services`: `install` what tests need; `with` some servers, run a command; `npm` in the plugin."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from tests.services import elasticsearch, graphite_api, graphite_web, neo4j, node, packages

USAGE = """\
usage: python -m tests.services install
       python -m tests.services with neo4j|elasticsearch ... -- COMMAND ARGUMENT ...
       python -m tests.services npm ARGUMENT ...
"""
SERVICES = {
    "Debian packages": packages.install,
    f"graphite-web {graphite_web.VERSION}": graphite_web.install,
    f"graphite-api {graphite_api.VERSION}": graphite_api.install,
    f"Neo4j {neo4j.VERSION}": neo4j.install,
    f"Elasticsearch {elasticsearch.VERSION}": elasticsearch.install,
    "Node": node.install,
}
"""In this order: what fetches the later ones is among the packages."""


def install() -> int:
    """Install everything; 1 when something cannot be."""
    for name, make in SERVICES.items():
        try:
            print(f"{name}: {make()}", flush=True)
        except RuntimeError as exc:
            print(f"{name}: {exc}", file=sys.stderr)
            return 1
    return 0


def with_neo4j(folder: Path, stack: ExitStack) -> Mapping[str, str]:
    """Start a Neo4j; the settings by which Weft keeps its inventory there."""
    server = stack.enter_context(neo4j.serving(folder))
    login = {"WEFT_NEO4J__USER": server.user, "WEFT_NEO4J__PASSWORD": server.password}
    return {"WEFT_INVENTORY__ENGINE": "neo4j", "WEFT_NEO4J__URL": server.url} | login


def with_elasticsearch(folder: Path, stack: ExitStack) -> Mapping[str, str]:
    """Start an Elasticsearch; the settings by which Weft keeps log lines there."""
    server = stack.enter_context(elasticsearch.serving(folder))
    return {"WEFT_LOGS__ENGINE": "elasticsearch", "WEFT_ELASTICSEARCH__URL": server.url}


STARTED: Mapping[str, tuple[Callable[[], bool], Callable[[Path, ExitStack], Mapping[str, str]]]] = {
    "neo4j": (neo4j.is_installed, with_neo4j),
    "elasticsearch": (elasticsearch.is_installed, with_elasticsearch),
}
"""Whether a server is there, and how it is started in a folder until the stack ends."""


def run_with(servers: Sequence[str], command: Sequence[str]) -> int:
    """Run a command with servers of its own, which hold nothing before and are gone after it; its exit status.

    Ctrl-C and SIGTERM reach the command, and the servers end once it has.
    """
    missing = [name for name in servers if not STARTED[name][0]()]
    if missing:
        print(f"{', '.join(missing)}: not installed. `make services` installs it.", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _interrupt)
    environment = dict(os.environ)
    try:
        with TemporaryDirectory(prefix="weft-services-") as folder, ExitStack() as stack:
            for name in servers:
                home = Path(folder) / name
                home.mkdir()
                told = STARTED[name][1](home, stack)
                environment |= told
                url = next(value for variable, value in told.items() if variable.endswith("__URL"))
                print(f"{name} runs at {url} until the command ends.", flush=True)
            return _run(command, environment)
    except RuntimeError as exc:
        print(exc, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _interrupt(number: int, frame: FrameType | None) -> None:
    """What ends us ends the servers too."""
    raise KeyboardInterrupt


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    program = shutil.which(command[0])
    if program is None:
        print(f"There is no command {command[0]}.", file=sys.stderr)
        return 1
    # In a group of its own: a Ctrl-C at the terminal would reach it twice, and twice means at once.
    with subprocess.Popen([program, *command[1:]], env=environment, process_group=0) as process:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: process.send_signal(number))
        status = process.wait()
    return status if status >= 0 else 128 - status


def run_npm(arguments: Sequence[str]) -> int:
    """Run npm in grafana-plugin with its modules there, and say what it says; its exit status."""
    if not node.is_installed():
        print(f"No npm with Node {node.OLDEST} or newer here. `make services` installs it.", file=sys.stderr)
        return 1
    try:
        done = node.npm(*arguments)
    except RuntimeError as exc:
        print(exc, file=sys.stderr)
        return 1
    print(done.stdout, end="")
    return done.returncode


def main(arguments: Sequence[str]) -> int:
    """The command's exit status; 1 when something cannot be, 2 for a command line that says nothing we know."""
    if list(arguments) == ["install"]:
        return install()
    if arguments[:1] == ["npm"] and arguments[1:]:
        return run_npm(arguments[1:])
    split = list(arguments).index("--") if "--" in arguments else len(arguments)
    head, command = arguments[:split], arguments[split + 1 :]
    if list(head[:1]) != ["with"] or not head[1:] or not set(head[1:]) <= set(STARTED) or not command:
        print(USAGE, end="", file=sys.stderr)
        return 2
    return run_with(head[1:], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
