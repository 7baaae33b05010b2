"""What both Graphites in Python need: gunicorn with one worker."""

import contextlib
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.services import process


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers: where, and the process that does the work."""

    url: str
    worker: int


@contextlib.contextmanager
def answering(python: Path, folder: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """`peer_wsgi.py` of a folder under gunicorn with one worker, until the block ends.

    Raises:
        RuntimeError: it does not start; with the end of what it printed.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [str(python), "-m", "gunicorn", "-w", "1", "-t", "300", "--log-level", "error"]
        server = process.started(
            [*command, "-b", f"fd://{listener.fileno()}", "peer_wsgi:application"],
            folder / "output", lambda _: finds(url), folder=folder, pass_fds=[listener.fileno()],
            environment={**environment, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
    try:
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        yield Server(url, int(children[0]))
    finally:
        server.stop()


def finds(url: str) -> bool:
    """Whether it answers a question. Raises OSError: not yet. RuntimeError: it never will."""
    try:
        with urllib.request.urlopen(f"{url}/metrics/find?query=*", timeout=process.START_S) as answer:
            answer.read()
    except urllib.error.HTTPError as exc:
        said = exc.read().decode(errors="replace")
        raise RuntimeError(f"It answers {exc.code}: {said[-1000:]}") from exc
    return True
