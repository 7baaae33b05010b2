"""The picture on the page at /, looked at in a headless Chromium as a person uses it."""

from tests.services.node import PLUGIN, Npm

from e2e.living import LivingDemo

BUILT = PLUGIN.parent / "backend/weft/api/pages/overview/overview.js"
PICTURES = "harness/out/overview"
"""Where the pictures are kept, below the plugin."""


def test_the_picture_is_drawn_lives_goes_back_in_time_and_asks_nobody_else(
    demo: LivingDemo, npm: Npm, chromium_program: str
) -> None:
    assert BUILT.exists(), "`make overview` builds it"
    looked = npm("run", "--silent", "overview:look", "--", demo.url, PICTURES, CHROMIUM=chromium_program)
    assert (looked.returncode, looked.stdout) == (0, "")
