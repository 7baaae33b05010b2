"""What Grafana's plugin catalogue refuses, on the archive as it would be sent in: `python -m tests.plugin.catalogue`.

A function for each rule that plugin-validator 0.45 calls an error and that a plugin without a Go part can break. What
only Grafana's own services can say is left out: the signature, viruses, links that lead nowhere.
"""

import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

PLUGIN = Path(__file__).parents[2] / "grafana-plugin"
MANIFEST, CODE, CODE_MAP = "plugin.json", "module.js", "module.js.map"

KINDS = ("app", "datasource", "panel")
ID = re.compile(rf"[0-9a-z]+-([0-9a-z]+-)?({'|'.join(KINDS)})")
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
BOUND = r"(<=|>=|<|>|=|~|\^)?\d+(\.(\d+|x|\*)){1,2}(-[0-9A-Za-z.]+)?"
RANGE = re.compile(rf"{BOUND}(\s+{BOUND})*(\s*\|\|\s*{BOUND}(\s+{BOUND})*)*")
CATEGORIES = ("tsdb", "logging", "cloud", "tracing", "profiling", "sql", "enterprise", "iot", "other")
INCLUDED = ("dashboard", "page", "panel", "datasource")
MEMBERS = frozenset(
    "$schema id type name info dependencies alerting annotations autoEnabled backend buildMode category executable"
    " extensions hideFromList iam includes languages logs metrics multiValueFilterOperators preload queryOptions roles"
    " routes skipDataQuery state streaming tracing".split()
)
"""Of plugin.json, as its reference names them."""

ANGULAR = re.compile(
    r"""PanelCtrl|ConfigCtrl|app/plugins/sdk|angular\.isNumber\(|editor\.html|ctrl\.annotation|getLegacyAngularInjector"""
    r"""|["']QueryCtrl["']"""
)
"""What Grafana looks for in a plugin's code (pkg/plugins/manager/loader/angular)."""

TRACKERS = (
    "google-analytics.com", "googletagmanager.com", "doubleclick.net", "segment.io", "segment.com", "mixpanel.com",
    "amplitude.com", "hotjar.com", "fullstory.com", "heap.io", "heapanalytics.com", "clarity.ms", "matomo.cloud",
    "posthog.com", "plausible.io", "newrelic.com", "nr-data.net", "hubspot.com", "intercom.io", "facebook.net",
    "mouseflow.com", "crazyegg.com", "rudderstack.com", "rudderlabs.com", "scorecardresearch.com", "quantserve.com",
)  # fmt: skip
DRAWN = frozenset(
    "svg g path rect circle ellipse line polyline polygon defs title desc linearGradient radialGradient stop clipPath"
    " mask text tspan use symbol".split()
)
"""Elements of a picture that can do nothing but be seen."""

TEMPLATE = re.compile(r"Grafana (Panel|Data ?Source|App|Data Source Backend) Plugin Template", re.IGNORECASE)
LINK = re.compile(r"\]\(([^)\s]+)")
LICENCES = ("Apache License", "MIT License", "BSD", "GNU GENERAL PUBLIC LICENSE", "GNU LESSER GENERAL PUBLIC LICENSE",
            "GNU AFFERO GENERAL PUBLIC LICENSE")  # fmt: skip
SCAFFOLD = ".config/webpack/webpack.config.ts"


@dataclass(frozen=True, slots=True)
class Submission:
    """What is sent in.

    Args:
        archive: what the archive holds, by name. source: files of the plugin's folder, by their name there.
    """

    archive: Mapping[str, bytes]
    source: Mapping[str, bytes]

    @property
    def root(self) -> str:
        """The one folder that all lies in, "" where there is none."""
        roots = {PurePosixPath(name).parts[0] for name in self.archive if "/" in name}
        alone = len(roots) == 1 and all("/" in name for name in self.archive)
        return roots.pop() if alone else ""

    @property
    def files(self) -> dict[str, bytes]:
        """What lies in the root, by its name there."""
        start = f"{self.root}/" if self.root else ""
        return {name.removeprefix(start): content for name, content in self.archive.items()}

    def text(self, name: str) -> str:
        """A file of the root, "" where it is missing."""
        return self.files.get(name, b"").decode(errors="replace")

    def plugins(self) -> dict[str, dict[str, Any]]:
        """Every plugin.json that can be read, by its folder: "" for the plugin itself."""
        found = {}
        for name, content in self.files.items():
            if PurePosixPath(name).name == MANIFEST:
                told = _object(content)
                if told is not None:
                    found[name.removesuffix(MANIFEST).removesuffix("/")] = told
        return found

    def own(self) -> dict[str, Any]:
        """The plugin's own plugin.json, empty where it cannot be read."""
        return self.plugins().get("", {})

    def package(self) -> dict[str, Any]:
        """package.json, empty where it cannot be read."""
        return _object(self.source.get("package.json", b"")) or {}


Rule = Callable[[Submission], Iterator[str]]


def one_folder_named_after_the_id(sent: Submission) -> Iterator[str]:
    """All lies in one folder, and that is the id."""
    if not sent.root or sent.root != sent.own().get("id"):
        yield f"the archive's folder is {sent.root!r}, the id {sent.own().get('id')!r}"


def no_dist_folder(sent: Submission) -> Iterator[str]:
    """What is built lies in that folder, not in a `dist` there."""
    if any(name.startswith("dist/") for name in sent.files):
        yield "there is a folder dist"


def plugin_json_is_there(sent: Submission) -> Iterator[str]:
    """Every plugin.json can be read, and the plugin has one."""
    if MANIFEST not in sent.files:
        yield f"no {MANIFEST}"
    for name, content in sent.files.items():
        if PurePosixPath(name).name == MANIFEST and _object(content) is None:
            yield f"{name} is no JSON object"


def plugin_json_keeps_its_schema(sent: Submission) -> Iterator[str]:
    """Members that must be there are, and have the form they must have; none is unknown."""
    for folder, told in sent.plugins().items():
        where = str(PurePosixPath(folder) / MANIFEST)
        info, includes = told.get("info"), told.get("includes", [])
        if (
            not isinstance(info, dict)
            or not isinstance(told.get("dependencies"), dict)
            or not isinstance(includes, list)
        ):
            yield f"{where}: info and dependencies are objects, includes is a list"
            continue
        keywords = info.get("keywords")
        forms = {
            "id": ID.fullmatch(str(told.get("id"))),
            "type": told.get("type") in KINDS,
            "name": isinstance(told.get("name"), str) and told["name"],
            "info.version": VERSION.fullmatch(str(info.get("version"))),
            "info.updated": DAY.fullmatch(str(info.get("updated"))),
            "info.author": isinstance(info.get("author", {}), dict),
            "info.keywords": isinstance(keywords, list)
            and keywords
            and all(isinstance(word, str) for word in keywords),
            "info.logos": isinstance(info.get("logos"), dict) and {"small", "large"} == set(info["logos"]),
            "category": told.get("category", CATEGORIES[0]) in CATEGORIES,
            "includes": all(isinstance(one, dict) and one.get("type") in INCLUDED for one in includes),
        }
        yield from (
            f"{where}: {member} is missing or not what it must be" for member, holds in forms.items() if not holds
        )
        yield from (f"{where}: unknown member {member}" for member in sorted(set(told) - MEMBERS))


def the_id_ends_with_the_type(sent: Submission) -> Iterator[str]:
    """`-app`, `-datasource`, `-panel`."""
    for told in sent.plugins().values():
        if str(told.get("id")).rpartition("-")[2] != told.get("type"):
            yield f"{told.get('id')} is a {told.get('type')}"


def the_name_is_for_people(sent: Submission) -> Iterator[str]:
    """The name is not the id."""
    yield from (f"{told['id']} is called so" for told in sent.plugins().values() if told.get("name") == told.get("id"))


def pictures_are_there(sent: Submission) -> Iterator[str]:
    """Logos and screenshots: named by a path from their plugin.json, and there."""
    for folder, told in sent.plugins().items():
        info = _member(told, "info")
        logos = _member(info, "logos")
        shown = [one.get("path") for one in _listed(info, "screenshots")]
        for picture in (logos.get("small"), logos.get("large"), *shown):
            if not isinstance(picture, str) or not picture.strip():
                yield f"{folder or 'the plugin'}: an empty path"
            elif "://" in picture or picture.startswith((".", "/")):
                yield f"{picture} is no path from its {MANIFEST}"
            elif str(PurePosixPath(folder) / picture) not in sent.files:
                yield f"{PurePosixPath(folder) / picture} is not there"


def grafana_versions_are_a_range(sent: Submission) -> Iterator[str]:
    """`grafanaDependency` is a range of versions."""
    for told in sent.plugins().values():
        wanted = _member(told, "dependencies").get("grafanaDependency")
        if not isinstance(wanted, str) or not RANGE.fullmatch(wanted.strip()):
            yield f"{told.get('id')} depends on Grafana {wanted!r}"


def plugins_inside_are_declared(sent: Submission) -> Iterator[str]:
    """Only an app has plugins inside, and it names each with its type."""
    inside = {f"{folder}/{MANIFEST}": told for folder, told in sent.plugins().items() if folder}
    if inside and sent.own().get("type") != "app":
        yield "plugins inside of what is no app"
    named = {one.get("path"): one.get("type") for one in _listed(sent.own(), "includes")}
    for path, told in inside.items():
        if path not in named:
            yield f"{path} is not among the includes"
        elif named[path] != told.get("type"):
            yield f"{path} is a {told.get('type')}, included as {named[path]}"


def code_is_there_with_its_map(sent: Submission) -> Iterator[str]:
    """module.js and its source map beside every plugin.json."""
    for folder in sent.plugins():
        for name in (CODE, CODE_MAP):
            if str(PurePosixPath(folder) / name) not in sent.files:
                yield f"no {PurePosixPath(folder) / name}"


def maps_tell_the_source(sent: Submission) -> Iterator[str]:
    """What the source maps say the code was made from is what lies in `src`."""
    for name in sent.files:
        if not name.endswith(CODE_MAP):
            continue
        told = _object(sent.files[name]) or {}
        ours = 0
        for path, text in zip(told.get("sources", []), told.get("sourcesContent") or [], strict=False):
            # webpack://<id>/./core/view.ts; what it adds itself and packages have other forms.
            below = re.fullmatch(r"webpack://[^/]*/\./(?!node_modules/)([^?]+\.[jt]sx?)", path)
            if below is None:
                continue
            ours += 1
            if _lines(sent.source.get(f"src/{below[1]}")) != _lines(str(text).encode()):
                yield f"{name}: {below[1]} is not what lies in src"
        if not ours:
            yield f"{name} tells no source"


def no_angular(sent: Submission) -> Iterator[str]:
    """Nothing of the platform that Grafana has dropped."""
    for name in sent.files:
        if name.endswith(".js") and (found := ANGULAR.search(sent.text(name))):
            yield f"{name} has {found[0]}"


def nobody_is_tracked(sent: Submission) -> Iterator[str]:
    """No address of those who count visitors."""
    for name in sent.files:
        if name.endswith(".js"):
            for address in re.findall(r"https?://[^\s\"'`]+", sent.text(name)):
                yield from (f"{name} has {address}" for host in TRACKERS if host in address)


def pictures_do_nothing(sent: Submission) -> Iterator[str]:
    """An SVG has no script, no handler, nothing from elsewhere."""
    for name, content in sent.files.items():
        if not name.endswith(".svg"):
            continue
        if b"<!ENTITY" in content:
            yield f"{name} declares an entity"
            continue
        for element in ElementTree.fromstring(content).iter():
            kind = _bare(element.tag)
            if kind not in DRAWN:
                yield f"{name} has <{kind}>"
            for attribute, value in element.attrib.items():
                away = _bare(attribute) == "href" and not value.startswith("#")
                if _bare(attribute).lower().startswith("on") or away or "javascript:" in value.lower():
                    yield f"{name} has {_bare(attribute)}={value!r}"


def the_readme_is_ours(sent: Submission) -> Iterator[str]:
    """There is one, not the template's, and its links lead out of the catalogue's page."""
    text = sent.text("README.md")
    if not text.strip():
        yield "no README.md"
    if TEMPLATE.search(text):
        yield "README.md is the template's"
    for target in LINK.findall(text):
        if not target.startswith(("#", "mailto:", "https://", "http://")):
            yield f"README.md has the relative link {target}"


def changes_and_licence_are_told(sent: Submission) -> Iterator[str]:
    """CHANGELOG.md, and a LICENSE among those that the catalogue takes."""
    if not sent.text("CHANGELOG.md").strip():
        yield "no CHANGELOG.md"
    if not any(licence in sent.text("LICENSE") for licence in LICENCES):
        yield "no LICENSE that the catalogue takes"


def versions_agree(sent: Submission) -> Iterator[str]:
    """package.json and every plugin.json tell one version."""
    package = sent.package().get("version")
    for told in sent.plugins().values():
        version = _member(told, "info").get("version")
        if version != package:
            yield f"{told.get('id')} is {version}, package.json says {package}"


def built_by_create_plugin(sent: Submission) -> Iterator[str]:
    """The build is Grafana's own, which carries its mark, and not the toolkit before it."""
    if b"@grafana/create-plugin" not in sent.source.get(SCAFFOLD, b""):
        yield f"{SCAFFOLD} is not create-plugin's"
    for name, script in _member(sent.package(), "scripts").items():
        if "grafana-toolkit" in script:
            yield f"the script {name} is of grafana-toolkit"


RULES: Sequence[Rule] = (
    one_folder_named_after_the_id, no_dist_folder, plugin_json_is_there, plugin_json_keeps_its_schema,
    the_id_ends_with_the_type, the_name_is_for_people, pictures_are_there, grafana_versions_are_a_range,
    plugins_inside_are_declared, code_is_there_with_its_map, maps_tell_the_source, no_angular, nobody_is_tracked,
    pictures_do_nothing, the_readme_is_ours, changes_and_licence_are_told, versions_agree, built_by_create_plugin,
)  # fmt: skip


def broken(sent: Submission) -> list[str]:
    """What is wrong, each after the name of its rule; empty: the catalogue would take it."""
    return [f"{rule.__name__}: {told}" for rule in RULES for told in rule(sent)]


def pack(built: Path, archive: Path) -> None:
    """Zip what was built as it is shipped: in one folder named after the id."""
    name = json.loads((built / MANIFEST).read_bytes())["id"]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(built.rglob("*")):
            if path.is_file():
                packed.write(path, f"{name}/{path.relative_to(built)}")


def submission(archive: Path, plugin: Path = PLUGIN) -> Submission:
    """An archive and the source that it was built from."""
    with zipfile.ZipFile(archive) as packed:
        inside = {name: packed.read(name) for name in packed.namelist() if not name.endswith("/")}
    source = [plugin / "package.json", plugin / SCAFFOLD, *(plugin / "src").rglob("*.[jt]s*")]
    told = {path.relative_to(plugin).as_posix(): path.read_bytes() for path in source if path.is_file()}
    return Submission(inside, told)


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(content)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _member(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object of an object, empty where it is none."""
    member = told.get(name)
    return member if isinstance(member, dict) else {}


def _listed(told: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list of an object."""
    members = told.get(name)
    return [one for one in members if isinstance(one, dict)] if isinstance(members, list) else []


def _lines(content: bytes | None) -> list[str] | None:
    return None if content is None else content.decode(errors="replace").rstrip().splitlines()


def _bare(name: str) -> str:
    """Without its namespace."""
    return name.rpartition("}")[2]


def main() -> int:
    """Pack what lies in grafana-plugin/dist, and say what is wrong with it; 1 when something is."""
    with TemporaryDirectory(prefix="weft-plugin-") as folder:
        archive = Path(folder) / "plugin.zip"
        pack(PLUGIN / "dist", archive)
        told = broken(submission(archive))
    print("\n".join(told) or f"{len(RULES)} rules hold")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
