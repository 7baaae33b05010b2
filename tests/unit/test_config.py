"""Settings: a TOML file, the environment over it, and what stops the start."""

from pathlib import Path

import pytest

from weft.base.config import load_settings
from weft.base.errors import BadSettings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "weft.toml"


def test_without_file_and_environment_the_defaults_hold() -> None:
    settings = load_settings()
    assert (settings.data, settings.whisper_root) == (Path("weft-data"), Path("weft-data/whisper"))
    assert (settings.http.host, settings.http.port, settings.http.queue) == ("127.0.0.1", 8077, 32)
    assert settings.http.operators == ()


def test_the_environment_wins_over_the_file_member_by_member(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('data = "/srv/weft"\n[http]\nport = 9000\nhost = "::1"\n[metrics]\nretention = "10s:1d"\n')
    monkeypatch.setenv("WEFT_HTTP__PORT", "9001")
    settings = load_settings(config)
    assert (settings.http.port, settings.http.host, settings.http.queue) == (9001, "::1", 32)
    assert (settings.data, settings.metrics.retention) == (Path("/srv/weft"), "10s:1d")


def test_one_variable_changes_nothing_else_of_its_section(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_METRICS__PATH", "/opt/graphite/storage/whisper")
    settings = load_settings()
    assert settings.metrics.path == settings.whisper_root == Path("/opt/graphite/storage/whisper")
    assert settings.metrics.retention == "1m:7d,10m:1y"


def test_data_of_the_command_line_wins_over_both(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('data = "from-file"\n')
    monkeypatch.setenv("WEFT_DATA", "from-environment")
    assert load_settings(config).data == Path("from-environment")
    assert load_settings(config, Path("from-command")).data == Path("from-command")
    assert load_settings(config, Path("from-command")).whisper_root == Path("from-command/whisper")


def test_operators_are_a_list_in_the_file_and_commas_in_the_environment(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('[http]\noperators = ["root", "alice"]\n')
    assert load_settings(config).http.operators == ("root", "alice")
    monkeypatch.setenv("WEFT_HTTP__OPERATORS", "bob, carol,")
    assert load_settings(config).http.operators == ("bob", "carol")


def test_host_names_come_from_a_table_or_as_json(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('[site.host_names]\n"MT25408 ConnectX" = "node001"\n')
    assert load_settings(config).site.host_names == {"MT25408 ConnectX": "node001"}
    monkeypatch.setenv("WEFT_SITE__HOST_NAMES", '{"0002c903000e0b72": "node002"}')
    assert load_settings(config).site.host_names["0002c903000e0b72"] == "node002"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[http]\nprot = 1\n", "Setting 'http.prot': Weft has no such setting."),
        ("colour = 1\n", "Setting 'colour': Weft has no such setting."),
        ("[http]\nport = 70000\n", "Setting 'http.port': "),
        ('[site]\ntimezone = "Mars/Olympus"\n', "'Mars/Olympus' is not a time zone"),
        ('[site]\nhosts = "{cluster}.**"\n', "must name {host}"),
        ("[http\n", "is not TOML"),
    ],
)
def test_a_bad_file_stops_the_start_and_names_the_setting(config: Path, text: str, says: str) -> None:
    config.write_text(text)
    with pytest.raises(BadSettings) as caught:
        load_settings(config)
    assert says in str(caught.value)
    assert str(config) in str(caught.value)


def test_points_are_handed_to_carbon_only_where_its_caches_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_CARBON__WRITE", "line://127.0.0.1:2003")
    with pytest.raises(BadSettings, match="Setting 'carbon': write needs caches"):
        load_settings()
    monkeypatch.setenv("WEFT_CARBON__CACHES", "127.0.0.1:7002:a, 127.0.0.1:7102:b")
    assert load_settings().carbon.caches == ("127.0.0.1:7002:a", "127.0.0.1:7102:b")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"nowhere\.toml cannot be read: No such file or directory"):
        load_settings(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("WEFT_HTTP__PROT", "1", "Setting 'http.prot': Weft has no such setting. Mend it in WEFT_HTTP__PROT."),
        ("WEFT_HTTP__PORT", "many", "Setting 'http.port': "),
        ("WEFT_HTTP_PORT", "9000", "WEFT_HTTP_PORT is no setting. Write it WEFT_HTTP__PORT."),
        ("WEFT_HTPP__PORT", "9000", "WEFT_HTPP__PORT: Weft has no section 'htpp'"),
        ("WEFT_SITE__HOST_NAMES", "node001", "Give JSON there"),
        ("WEFT_HTTP", "9000", "WEFT_HTTP"),
    ],
)
def test_a_bad_variable_stops_the_start_and_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSettings) as caught:
        load_settings()
    assert says in str(caught.value)


def test_a_bad_variable_is_blamed_even_where_a_good_file_is_given(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text("[http]\nport = 9000\n")
    monkeypatch.setenv("WEFT_HTTP__PORT", "-1")
    with pytest.raises(BadSettings, match=r"Mend it in WEFT_HTTP__PORT\."):
        load_settings(config)


def test_variables_of_the_tools_around_weft_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_SOAK", "1")
    assert load_settings().http.port == 8077
