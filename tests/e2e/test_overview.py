"""The picture on the page at /, looked at in a headless Chromium as a person uses it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from e2e.living import LivingDemo

PLUGIN = Path(__file__).parents[2] / "grafana-plugin"
BUILT = PLUGIN.parent / "backend/weft/api/pages/overview/overview.js"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PATIENCE_S = 120


@pytest.mark.skipif(
    not os.environ.get("CI") and not (shutil.which("node") and Path(CHROMIUM).exists() and BUILT.exists()),
    reason="needs Chromium, and `make overview`, which needs npm with Node 20",
)
def test_the_picture_is_drawn_lives_goes_back_in_time_and_asks_nobody_else(demo: LivingDemo) -> None:
    looked = subprocess.run(
        ["node", "overview/look.mjs", demo.url],
        cwd=PLUGIN,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (looked.returncode, looked.stderr) == (0, "")
