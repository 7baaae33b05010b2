"""The plugin's data source against the living demo: its own code, under its own test runner."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from e2e.living import LivingDemo

PLUGIN = Path(__file__).parents[2] / "grafana-plugin"
JEST = PLUGIN / "node_modules/.bin/jest"
PATIENCE_S = 240


@pytest.mark.skipif(
    not os.environ.get("CI") and not (shutil.which("node") and JEST.exists()),
    reason="needs Node 20, and `npm ci` in grafana-plugin",
)
def test_every_query_type_and_variable_answers_what_the_native_api_does(demo: LivingDemo) -> None:
    asked = subprocess.run(
        [JEST, "--ci", "--runInBand", "src/datasource/living.test.ts"],
        cwd=PLUGIN,
        env={**os.environ, "WEFT_URL": demo.url},
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert asked.returncode == 0, asked.stdout + asked.stderr
