"""One owner for a data folder: the process that holds `DATA/owner.lock` writes its embedded stores, no other does."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from weft.base.errors import OwnedElsewhere

LOCK_FILE = "owner.lock"

NETWORK = frozenset(
    "9p acfs afs afpfs beegfs ceph cifs coda glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs panfs pvfs2 smb2 smb3"
    " smbfs vboxsf wekafs".split()
)
"""File systems that several machines can have mounted, as /proc names them; `fuse.*` (sshfs, s3fs, ...) besides."""

_MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")


@contextmanager
def own(data: Path, purpose: str) -> Iterator[None]:
    """Own a data folder, making it when it is not there, until the block ends (or the process, however it ends).

    Args:
        purpose: what this process is, in a few words, for whoever finds the folder owned: `weft serve on port 8077`.
    Raises:
        OwnedElsewhere: another process owns it; it lies on a network file system; it cannot be written to.
    """
    with own_if_free(data, purpose) as owned:
        if owned is not None:
            raise owned
        yield


@contextmanager
def own_if_free(data: Path, purpose: str) -> Iterator[OwnedElsewhere | None]:
    """The same, for who can also do without: the block is run either way, and told which process owns the folder.

    Raises:
        OwnedElsewhere: no process can own it, as it lies on a network file system or cannot be written to.
    """
    data = data.resolve()
    if _MOUNTS.exists():
        refuse_network(_MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"), data)
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = (data / LOCK_FILE).open("a+", encoding="utf-8")
    except OSError as exc:
        raise _unusable(data, exc) from exc
    with file:
        owned = _claim(file, data, purpose)
        try:
            yield owned
        finally:
            if owned is None:
                file.truncate(0)


def _claim(file: TextIO, data: Path, purpose: str) -> OwnedElsewhere | None:
    """Lock the file and write into it who holds it; or say who holds it already.

    It stays when the lock is let go: were it removed, two processes could hold locks on two files of one name.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.truncate(0)
        file.write(f"{os.getpid()} {' '.join(purpose.split())}\n")
        file.flush()
        return None
    except BlockingIOError:
        file.seek(0)
        return _owned(data, file.read())
    except OSError as exc:
        raise _unusable(data, exc) from exc


def refuse_network(mountinfo: str, folder: Path) -> None:
    """Raise OwnedElsewhere when a folder lies on a network file system: SQLite's WAL and file locks need one machine.

    Args:
        mountinfo: the text of /proc/self/mountinfo (proc(5)).
        folder: absolute, without symbolic links.
    """
    found = _mount_of(mountinfo, folder)
    if found is None:
        return
    mount, kind = found
    if kind in NETWORK or kind.startswith("fuse."):
        raise OwnedElsewhere(
            f"The data folder {folder} lies on a network file system ({kind} on {mount}), which cannot keep it safe.",
            fix="Name a folder on a local disk with --data.",
        )


def _mount_of(mountinfo: str, folder: Path) -> tuple[Path, str] | None:
    """Mount point and type of the file system a folder lies on: the deepest mount above it, of equals the last."""
    found: tuple[Path, str] | None = None
    for line in mountinfo.splitlines():
        mounted, separator, rest = line.partition(" - ")
        fields = mounted.split(" ")
        if not separator or len(fields) < 5 or not rest:
            continue
        mount = Path(_OCTAL.sub(lambda octal: chr(int(octal[1], 8)), fields[4]))
        deeper = found is None or len(mount.parts) >= len(found[0].parts)
        if deeper and folder.is_relative_to(mount):
            found = mount, rest.split(" ")[0]
    return found


def _unusable(data: Path, exc: OSError) -> OwnedElsewhere:
    return OwnedElsewhere(
        f"The data folder {data} cannot be written to: {exc.strerror}.",
        fix="Give this user the right and the space to, or name another folder with --data.",
    )


def _owned(data: Path, told: str) -> OwnedElsewhere:
    pid, _, purpose = told.strip().partition(" ")
    if not pid.isdecimal():
        return OwnedElsewhere(
            f"The data folder {data} is in use by another process.", fix=f"Find it with `fuser {data / LOCK_FILE}`."
        )
    return OwnedElsewhere(
        f"The data folder {data} is in use by process {pid} ({purpose}).",
        fix=f"End it (`kill {pid}`) and try again, or name another folder with --data.",
    )
