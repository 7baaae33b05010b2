"""The plugin's data source against the living demo: its own code, under its own test runner."""

from tests.services.node import Npm

from e2e.living import LivingDemo


def test_every_query_type_and_variable_answers_what_the_native_api_does(demo: LivingDemo, npm: Npm) -> None:
    asked = npm("test", "--", "--ci", "living", WEFT_URL=demo.url)
    assert asked.returncode == 0, asked.stdout
