"""The catalogue's rules, on a small submission that keeps all of them and is broken in one thing at a time."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from plugin import catalogue
from plugin.catalogue import Submission, broken, pack, submission

APP: Mapping[str, Any] = {
    "type": "app",
    "id": "acme-fabric-app",
    "name": "Acme",
    "info": {
        "keywords": ["fabric"],
        "logos": {"small": "img/logo.svg", "large": "img/logo.svg"},
        "version": "1.2.0",
        "updated": "2026-11-26",
    },
    "includes": [{"type": "panel", "name": "Acme panel", "path": "panel/plugin.json"}],
    "dependencies": {"grafanaDependency": ">=10.1.0"},
}
PANEL = {**APP, "type": "panel", "id": "acme-fabric-panel", "name": "Acme panel", "includes": []}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h1" fill="#fff"/></svg>'
CODE = "export const answer = 42;\n"
MAP = {
    "version": 3,
    "sources": ["webpack://acme-fabric-app/./module.ts", 'webpack://acme-fabric-app/external amd "react"'],
    "sourcesContent": [CODE, "module.exports = react"],
}
ROOT = "acme-fabric-app"
Files = dict[str, bytes]


def kept() -> tuple[Files, Files]:
    """Archive and source of a submission that keeps every rule."""
    built = {"module.js": b"define([],()=>42)", "module.js.map": told(MAP), "img/logo.svg": SVG}
    inside = {"plugin.json": told(APP), "README.md": b"# Acme\nSee [us](https://acme.example/).", **built}
    inside |= {"CHANGELOG.md": b"## 1.2.0", "LICENSE": b"Apache License\nVersion 2.0", "panel/plugin.json": told(PANEL)}
    inside |= {f"panel/{name}": content for name, content in built.items()}
    source = {
        "package.json": told({"version": "1.2.0", "scripts": {"build": "webpack"}}),
        ".config/webpack/webpack.config.ts": b"// by @grafana/create-plugin",
        "src/module.ts": CODE.encode(),
    }
    return {f"{ROOT}/{name}": content for name, content in inside.items()}, source


def told(value: object) -> bytes:
    return json.dumps(value).encode()


def written(name: str, content: bytes | str) -> Callable[[Files, Files], None]:
    """A change: a file of the archive's folder has this in it."""

    def change(archive: Files, source: Files) -> None:
        archive[f"{ROOT}/{name}"] = content if isinstance(content, bytes) else content.encode()

    return change


def gone(name: str) -> Callable[[Files, Files], None]:
    """A change: a file of the archive's folder is not there."""

    def change(archive: Files, source: Files) -> None:
        del archive[f"{ROOT}/{name}"]

    return change


def app(**members: object) -> Callable[[Files, Files], None]:
    """A change: members of the app's plugin.json; None takes one away."""
    changed = {name: value for name, value in {**APP, **members}.items() if value is not None}
    return written("plugin.json", told(changed))


def info(**members: object) -> Callable[[Files, Files], None]:
    """A change: members of its `info`."""
    return app(info={name: value for name, value in {**APP["info"], **members}.items() if value is not None})


def sourced(name: str, content: bytes) -> Callable[[Files, Files], None]:
    """A change: a file of the source has this in it."""

    def change(archive: Files, source: Files) -> None:
        source[name] = content

    return change


def renamed(archive: Files, source: Files) -> None:
    """The folder is called by another name than the id."""
    for name in list(archive):
        archive[name.replace(ROOT, "fabric", 1)] = archive.pop(name)


def no_folder(archive: Files, source: Files) -> None:
    """All lies in the archive itself."""
    for name in list(archive):
        archive[name.removeprefix(f"{ROOT}/")] = archive.pop(name)


def beside(archive: Files, source: Files) -> None:
    """Something lies beside the folder."""
    archive["notes.txt"] = b""


def picture(content: str) -> Callable[[Files, Files], None]:
    """A change: what the logo draws."""
    return written("img/logo.svg", f'<svg xmlns="http://www.w3.org/2000/svg">{content}</svg>')


BREAKS: list[tuple[str, Callable[[Files, Files], None], str]] = [
    ("one_folder_named_after_the_id", renamed, "the archive's folder is 'fabric', the id 'acme-fabric-app'"),
    ("one_folder_named_after_the_id", no_folder, "the archive's folder is '', the id 'acme-fabric-app'"),
    ("one_folder_named_after_the_id", beside, "the archive's folder is ''"),
    ("no_dist_folder", written("dist/module.js", ""), "there is a folder dist"),
    ("plugin_json_is_there", gone("plugin.json"), "no plugin.json"),
    ("plugin_json_is_there", written("panel/plugin.json", "[1]"), "panel/plugin.json is no JSON object"),
    ("plugin_json_keeps_its_schema", app(info=None), "plugin.json: info and dependencies are objects"),
    ("plugin_json_keeps_its_schema", app(id="Acme-App"), "plugin.json: id"),
    ("plugin_json_keeps_its_schema", info(updated="%TODAY%"), "plugin.json: info.updated"),
    ("plugin_json_keeps_its_schema", info(keywords=[]), "plugin.json: info.keywords"),
    ("plugin_json_keeps_its_schema", app(category="networks"), "plugin.json: category"),
    ("plugin_json_keeps_its_schema", app(colour="red"), "plugin.json: unknown member colour"),
    ("the_id_ends_with_the_type", app(type="datasource"), "acme-fabric-app is a datasource"),
    ("the_name_is_for_people", app(name=ROOT), "acme-fabric-app is called so"),
    ("pictures_are_there", info(logos={"small": " ", "large": "img/logo.svg"}), "the plugin: an empty path"),
    ("pictures_are_there", info(logos={"small": "./img/logo.svg", "large": "img/logo.svg"}), "is no path"),
    ("pictures_are_there", info(screenshots=[{"path": "img/shown.png"}]), "img/shown.png is not there"),
    ("pictures_are_there", gone("panel/img/logo.svg"), "panel/img/logo.svg is not there"),
    ("grafana_versions_are_a_range", app(dependencies={"grafanaDependency": "10 or so"}), "Grafana '10 or so'"),
    ("grafana_versions_are_a_range", app(dependencies={}), "Grafana None"),
    ("plugins_inside_are_declared", app(includes=[]), "panel/plugin.json is not among the includes"),
    ("plugins_inside_are_declared", app(includes=[{"type": "datasource", "path": "panel/plugin.json"}]), "is a panel"),
    ("plugins_inside_are_declared", app(type="panel"), "plugins inside of what is no app"),
    ("code_is_there_with_its_map", gone("module.js"), "no module.js"),
    ("code_is_there_with_its_map", gone("panel/module.js.map"), "no panel/module.js.map"),
    ("maps_tell_the_source", sourced("src/module.ts", b"export const answer = 43;"), "module.ts is not what lies"),
    ("maps_tell_the_source", written("module.js.map", "{}"), "module.js.map tells no source"),
    ("no_angular", written("module.js", "class A extends MetricsPanelCtrl {}"), "module.js has PanelCtrl"),
    ("nobody_is_tracked", written("panel/module.js", "f('https://www.google-analytics.com/a.js')"), "analytics.com"),
    ("pictures_do_nothing", picture("<script>alert(1)</script>"), "img/logo.svg has <script>"),
    ("pictures_do_nothing", picture('<path onload="alert(1)"/>'), "img/logo.svg has onload='alert(1)'"),
    ("pictures_do_nothing", picture('<use href="https://elsewhere.example/a.svg"/>'), "img/logo.svg has href="),
    ("pictures_do_nothing", written("img/logo.svg", '<!DOCTYPE svg [<!ENTITY a "b">]><svg/>'), "declares an entity"),
    ("the_readme_is_ours", gone("README.md"), "no README.md"),
    ("the_readme_is_ours", written("README.md", "# Grafana App Plugin Template"), "README.md is the template's"),
    ("the_readme_is_ours", written("README.md", "[how](docs/how.md)"), "README.md has the relative link docs/how.md"),
    ("changes_and_licence_are_told", written("CHANGELOG.md", "\n"), "no CHANGELOG.md"),
    ("changes_and_licence_are_told", written("LICENSE", "All rights reserved."), "no LICENSE that the catalogue takes"),
    ("versions_agree", sourced("package.json", b'{"version": "1.3.0"}'), "is 1.2.0, package.json says 1.3.0"),
    ("built_by_create_plugin", sourced(".config/webpack/webpack.config.ts", b"// ours"), "is not create-plugin's"),
    ("built_by_create_plugin",
     sourced("package.json", told({"version": "1.2.0", "scripts": {"build": "grafana-toolkit plugin:build"}})),
     "the script build is of grafana-toolkit"),
]  # fmt: skip
"""The rule that a change breaks, the change, and what is said of it."""


def test_what_keeps_every_rule_is_taken() -> None:
    assert broken(Submission(*kept())) == []


@pytest.mark.parametrize(("rule", "change", "said"), BREAKS)
def test_each_rule_names_what_breaks_it(rule: str, change: Callable[[Files, Files], None], said: str) -> None:
    archive, source = kept()
    change(archive, source)
    ours = [one for one in broken(Submission(archive, source)) if one.startswith(f"{rule}: ")]
    assert ours
    assert said in ours[0]


def test_every_rule_is_broken_once() -> None:
    assert {rule for rule, _, _ in BREAKS} == {rule.__name__ for rule in catalogue.RULES}


def test_what_is_packed_lies_in_a_folder_named_after_the_id(tmp_path: Path) -> None:
    archive, source = kept()
    for name, content in archive.items():
        path = tmp_path / "dist" / name.removeprefix(f"{ROOT}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, content in source.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    pack(tmp_path / "dist", tmp_path / "plugin.zip")
    assert submission(tmp_path / "plugin.zip", tmp_path) == Submission(archive, source)
