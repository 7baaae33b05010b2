"""`weft import FOLDER`, then `weft serve`: the README's two commands for a site of one's own."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

WEFT = Path(sys.executable).parent / "weft"
PATIENCE_S = 30


def address(process: "subprocess.Popen[str]") -> str:
    """Where the server says it is."""
    assert process.stderr is not None
    line = process.stderr.readline()
    return next(word.rstrip(",") for word in line.split() if word.startswith("http://"))


def test_a_folder_is_imported_and_then_served_until_it_is_told_to_end(data_folder: Path, tmp_path: Path) -> None:
    target = str(tmp_path / "data")
    dump = data_folder / "ib" / "ft324-1-before" / "ibnetdiscover.txt"
    told = subprocess.run([WEFT, "import", dump, "--data", target], check=True, capture_output=True, text=True)
    assert "351 nodes (27 switches), 648 links" in told.stdout
    with subprocess.Popen(
        [WEFT, "serve", "--data", target, "--port", "0"], stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            url = address(server)
            began = time.monotonic()
            while time.monotonic() - began < PATIENCE_S:
                try:
                    ready = httpx.get(f"{url}/readyz")
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            assert ready.json() == {"status": "ready"}
            switches = httpx.get(f"{url}/api/v1/switches", params={"at": "2100-01-01"}).raise_for_status().json()
            assert len(switches["rows"]) == 27
            refused = subprocess.run(
                [WEFT, "import", dump, "--data", target], check=False, capture_output=True, text=True
            )
            assert (refused.returncode, f"{server.pid}" in refused.stderr) == (1, True)
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE_S) == 0
