"""The topology panel's core in headless Chromium: fabrics of 324, 3,000 and 12,000 hosts.

Links, marks and colours are compared with what the scene tells; pictures stay in grafana-plugin/harness/out. How long
the first picture and a frame take is printed, and judged with WEFT_SOAK=1 and in `make bench`: here others work too.
"""

import os
from collections.abc import Callable

from tests.services.node import Npm

BARS = "judged" if os.environ.get("WEFT_SOAK") == "1" else "told"


def test_fabrics_of_every_size_are_drawn_as_the_scene_tells(
    npm: Npm, chromium_program: str, record_property: Callable[[str, str], None]
) -> None:
    drawn = npm("run", "--silent", "harness", CHROMIUM=chromium_program, BARS=BARS)
    assert drawn.returncode == 0, drawn.stdout
    for line in drawn.stdout.splitlines():
        record_property("figure", line)
