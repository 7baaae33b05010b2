"""rsyslogd as Debian has it, with omelasticsearch, in a folder of its own: it reads no file of /etc and no socket of
the machine.
"""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.services import process

SBIN = "/usr/sbin"
"""Where Debian keeps it; not in everybody's path."""

SHIPPED = Path(__file__).parents[2] / "provisioning" / "rsyslog" / "weft.conf"
WEFT = "http://127.0.0.1:8077/elastic"
"""Where the shipped configuration sends lines."""

OPENING = """\
global(workDirectory="{folder}" maxMessageSize="64k" net.enableDNS="off")
module(load="imtcp")
module(load="imfile")
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="weft")
input(type="imfile" file="{folder}/input.log" tag="file:" ruleset="weft" needParse="on" addMetadata="on"
  persistStateAfterSubmission="on" freshStartTail="off")
"""


def is_installed() -> bool:
    """Whether rsyslogd and its omelasticsearch are there."""
    return _program() is not None and any(Path("/usr/lib").glob("**/rsyslog/omelasticsearch.so"))


def _program() -> str | None:
    return shutil.which("rsyslogd", path=f"{os.environ.get('PATH', '')}:{SBIN}")


def complaints(configuration: Path) -> str:
    """What rsyslogd says against a configuration, "" when nothing."""
    told = subprocess.run([_program() or "rsyslogd", "-N1", "-f", configuration], check=False, capture_output=True)
    said = told.stderr.decode(errors="replace").splitlines()
    return "\n".join(line for line in said if "config validation run" not in line)


class Server(process.Service):
    """An rsyslogd that ships what comes in on `port` and what is written to `file` by the shipped configuration.

    Args:
        url: where to, instead of Weft on its port. in_memory: the queue is not on disk.
    """

    def __init__(self, folder: Path, url: str, *, in_memory: bool = False) -> None:
        self.port = process.free_port()
        self.file = folder / "input.log"
        self.refused, self.errors = folder / "weft-refused.log", folder / "weft-errors.log"
        self._folder = folder
        shipped = SHIPPED.read_text().replace(WEFT, url).replace("/var/log/weft", f"{folder}/weft")
        if in_memory:
            shipped = re.sub(r'queue\.type="Disk".*\n.*\n', 'queue.type="LinkedList" queue.size="200000"\n', shipped)
        self._configuration = folder / "rsyslog.conf"
        self._configuration.write_text(OPENING.format(folder=folder, port=self.port) + shipped)
        self._process = self._start()

    def _start(self) -> process.Process:
        # One that was killed leaves its number behind, and a later one would not start where that lives again.
        number = self._folder / "rsyslogd.pid"
        number.unlink(missing_ok=True)
        command = [_program() or "rsyslogd", "-n", "-f", str(self._configuration), "-i", str(number)]
        return process.started(command, self._folder / "output", lambda _: process.answers(self.port))


@contextlib.contextmanager
def serving(folder: Path, url: str, *, in_memory: bool = False) -> Iterator[Server]:
    """An rsyslogd in the folder, until the block ends.

    Raises:
        RuntimeError: it does not start; with the end of what it printed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(folder, url, in_memory=in_memory)
    try:
        yield server
    finally:
        server.stop()
