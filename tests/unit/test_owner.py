"""One owner for a data folder, and none on a network file system."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from weft.base.errors import OwnedElsewhere
from weft.base.owner import own, refuse_network

# Lines as proc(5) has them; the optional fields before the dash are none, one or several.
MOUNTS = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
40 27 0:50 / /home rw,relatime shared:7 master:2 - nfs4 filer:/export/home rw,vers=4.2
41 40 0:51 / /home/scratch rw - xfs /dev/nvme0n1 rw
42 27 0:52 / /lustre rw - lustre 10.0.0.1@o2ib:/work rw
43 27 0:53 / /mnt/My\040Files rw - fuse.sshfs me@there: rw
44 27 0:54 / /mnt/usb rw - fuseblk /dev/sdb1 rw
45 27 0:55 / /srv rw - autofs systemd-1 rw
46 45 0:56 / /srv rw - cifs //filer/srv rw
47 27 0:57 / /var/lib/weft rw - tmpfs tmpfs rw
"""

HOLDER = """
import sys, time
from pathlib import Path
from weft.base.owner import own
with own(Path(sys.argv[1]), "weft  import of\\ndumps"):
    print("mine", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("folder", "kind", "mount"),
    [
        ("/home/op/weft-data", "nfs4", "/home"),
        ("/home", "nfs4", "/home"),
        ("/lustre/weft", "lustre", "/lustre"),
        ("/mnt/My Files/weft", "fuse.sshfs", "/mnt/My Files"),
        ("/srv/weft", "cifs", "/srv"),
    ],
)
def test_a_folder_on_a_network_file_system_is_refused(folder: str, kind: str, mount: str) -> None:
    with pytest.raises(OwnedElsewhere) as caught:
        refuse_network(MOUNTS, Path(folder))
    assert str(caught.value) == (
        f"The data folder {folder} lies on a network file system ({kind} on {mount}), which cannot keep it safe. "
        "Name a folder on a local disk with --data."
    )


@pytest.mark.parametrize(
    "folder", ["/var/lib/weft", "/home/scratch/weft", "/homework", "/lustre2/weft", "/mnt/usb/weft", "/weft"]
)
def test_a_folder_on_a_local_disk_is_taken(folder: str) -> None:
    refuse_network(MOUNTS, Path(folder))


@pytest.mark.parametrize("text", ["", "nonsense\n", "1 2 3 - \n", "1 2 0:1 / / rw -", "\x00\n"])
def test_a_mount_table_that_says_nothing_refuses_nothing(text: str) -> None:
    refuse_network(text, Path("/home"))


def test_the_folder_is_made_and_owned_until_the_block_ends(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    with own(data, "weft serve on port 8077"):
        assert (data / "owner.lock").read_text() == f"{os.getpid()} weft serve on port 8077\n"
        with pytest.raises(OwnedElsewhere) as caught, own(data, "weft import"):
            pass
    assert str(caught.value) == (
        f"The data folder {data} is in use by process {os.getpid()} (weft serve on port 8077). "
        f"End it (`kill {os.getpid()}`) and try again, or name another folder with --data."
    )
    assert (data / "owner.lock").read_text() == ""
    with own(data, "again"):
        pass


def test_an_error_within_the_block_lets_go(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), own(tmp_path, "first"):
        raise ZeroDivisionError
    with own(tmp_path, "second"):
        pass


def test_a_process_that_dies_lets_go_and_its_word_is_overwritten(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        with (
            pytest.raises(OwnedElsewhere, match=rf"by process {holder.pid} \(weft import of dumps\)"),
            own(tmp_path, "x"),
        ):
            pass
        holder.send_signal(signal.SIGKILL)
    with own(tmp_path, "weft serve"):
        assert (tmp_path / "owner.lock").read_text() == f"{os.getpid()} weft serve\n"


def test_an_owner_that_has_not_said_who_it_is_yet_is_still_the_owner(tmp_path: Path) -> None:
    with own(tmp_path, "first"):
        (tmp_path / "owner.lock").write_text("")
        with (
            pytest.raises(OwnedElsewhere, match=r"in use by another process. Find it with `fuser .*owner.lock`"),
            own(tmp_path, "x"),
        ):
            pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(
            OwnedElsewhere,
            match=r"file/data cannot be written to: Not a directory. Give this user the right and the space",
        ),
        own(tmp_path / "file" / "data", "x"),
    ):
        pass
