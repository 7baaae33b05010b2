"""The one Settings object: a TOML file, `WEFT_<SECTION>__<KEY>` in the environment over it, both checked at start."""

import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from weft.base.errors import BadSettings


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def split(names: object) -> object:
    """Names separated by commas, as the environment gives a list."""
    return tuple(name.strip() for name in names.split(",") if name.strip()) if isinstance(names, str) else names


class Site(_Section):
    """How this site names things."""

    cluster: str = "cluster"
    """Cluster that a bare job id means, and the name of jobs whose source names none."""
    fabric: str = "ib"
    """Name of the InfiniBand subnet a dump belongs to when the dump does not say."""
    timezone: str = ""
    """Zone of times that a tool printed without one; empty: the zone of this machine."""
    hosts: str = "{cluster}.{host}.**"
    """Where a host's metrics lie in the tree; `{cluster}` and `{host}` are filled in."""
    host_names: dict[str, str] = Field(default_factory=dict)
    """Node description or HCA GUID -> host, for what the rules on descriptions cannot know."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name:
            try:
                ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError):
                raise ValueError(f"'{name}' is not a time zone; give one like Europe/Berlin or UTC") from None
        return name

    @field_validator("hosts")
    @classmethod
    def _names_the_host(cls, template: str) -> str:
        if "{host}" not in template or not template.endswith(".**"):
            raise ValueError("the template must name {host} and end in .** (all metrics below)")
        return template


class Metrics(_Section):
    """The whisper tree and what one request may cost."""

    path: Path | None = None
    """The whisper tree; default DATA/whisper."""
    retention: str = "1m:7d,10m:1y"
    """Archives of counter files that Weft creates, as in carbon's storage-schemas.conf."""
    virtual_prefix: str = ""
    """Put before job., switch., host. and cable. when a stored tree already uses these names, e.g. `weft`."""
    refresh_s: int = Field(30, ge=1)
    """How often the name index looks for new and deleted series; tagged ones that are deleted, or that share carbon's
    folder with an older one, are seen after 20 times this at the latest. What Weft writes is known at once."""
    max_points: int = Field(14_000_000, ge=1)
    """Points that a request may hold at once, 8 bytes each; how much it may compute follows from it."""
    max_series: int = Field(50_000, ge=1)
    max_depth: int = Field(32, ge=1)
    max_targets: int = Field(256, ge=1)
    max_pattern: int = Field(4096, ge=1)
    timeout_s: float = Field(30.0, gt=0)


class Carbon(_Section):
    """carbon-cache daemons beside the whisper tree: what they hold and have not written, and writing through them."""

    caches: Annotated[tuple[str, ...], NoDecode] = ()
    """Where each answers questions about its cache, as graphite-web's CARBONLINK_HOSTS: `host:port:instance`. Several
    need the hosts, instances and order of carbon-relay's DESTINATIONS: its hash ring (carbon_ch) is made of them."""
    replication: int = Field(1, ge=1)
    """How many of them hold a series (carbon-relay's REPLICATION_FACTOR)."""
    write: str = ""
    """Where counters are sent instead of into files: `line://host:2003` or `pickle://host:2004`; empty: into files.
    Files are then made by carbon's rules: let `fabric.*` have aggregationMethod `last` and xFilesFactor 0 there."""
    timeout_s: float = Field(1.0, gt=0)
    """How long a request waits for a cache before it goes on with what is on disk."""

    @field_validator("caches", mode="before")
    @classmethod
    def _split(cls, names: object) -> object:
        return split(names)

    @model_validator(mode="after")
    def _sees_what_it_writes(self) -> Self:
        if self.write and not self.caches:
            raise ValueError("write needs caches: what carbon has not written yet must be asked of them")
        return self


class Graphite(_Section):
    """Other Graphite servers (graphite-web, carbonapi) whose series are served beside those of the whisper tree."""

    urls: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Their roots, `http://host:port`, with `user:password@` where they ask for it."""
    timeout_s: float = Field(10.0, gt=0)
    """How long a request waits for one of them before it is answered without it, with a notice."""

    @field_validator("urls", mode="before")
    @classmethod
    def _split(cls, names: object) -> object:
        return split(names)


class Inventory(_Section):
    """Where the inventory is kept, what counts as gone, and how much may be lost at once."""

    engine: Literal["sqlite", "neo4j"] = "sqlite"
    """`sqlite`: DATA/inventory.db; `neo4j`: the server of the section of that name."""
    absent_after: int = Field(3, ge=1)
    """Complete sweeps in a row without a node before it counts as gone (a lone dump needs one)."""
    quarantine_share: float = Field(0.10, gt=0, le=1)
    """A sweep that loses more than this share of the nodes at once is set aside and reported."""


class Neo4j(_Section):
    """The Neo4j server that holds the inventory, where `inventory.engine` says so."""

    url: str = "bolt://127.0.0.1:7687"
    user: str = "neo4j"
    password: SecretStr = SecretStr("")
    """Empty: the server asks for none."""
    database: str = "neo4j"
    timeout_s: float = Field(2.5, gt=0)
    """How long a reader waits, over all that a request asks, before it is told that the server is away."""


class Logs(_Section):
    """Where log lines are kept."""

    engine: Literal["tantivy", "elasticsearch"] = "tantivy"
    """`tantivy`: DATA/logs; `elasticsearch`: the cluster of the section of that name."""


class Elasticsearch(_Section):
    """The Elasticsearch cluster that holds log lines, where `logs.engine` says so."""

    url: str = "http://127.0.0.1:9200"
    user: str = ""
    password: SecretStr = SecretStr("")
    api_key: SecretStr = SecretStr("")
    """Instead of user and password."""
    index: str = "weft-logs"
    """What the names of its indices begin with."""
    keep_days: int = Field(0, ge=0)
    """After how many days lines are dropped, by the cluster where it can, else by Weft; 0: never."""
    timeout_s: float = Field(2.5, gt=0)
    """How long a reader waits, over all that a request asks, before it is told that the cluster is away."""


class Spool(_Section):
    """What waits on disk for the owner of the folder, or for an engine that is away."""

    max_mb: int = Field(1024, ge=1)
    """Most that may wait; more is refused at its source."""


class Dashboards(_Section):
    """Dashboards that are made from the inventory, and where they are put."""

    folder: Path | None = None
    """A folder that a file provider of Grafana reads."""
    grafana: str = ""
    """Root of a Grafana whose HTTP API takes them instead, `https://grafana.site`."""
    token: SecretStr = SecretStr("")
    """Of a service account there that may write dashboards and folders."""
    kit: Literal["plugin", "stock"] = "plugin"
    """`plugin`: panels of Weft's own plugin; `stock`: what every Grafana has, without the topology panel."""
    every_s: int = Field(0, ge=0)
    """How often `weft serve` brings them up to date; 0: only `weft provision` does."""
    least_hosts: int = Field(2, ge=1)
    """Jobs of fewer hosts get no dashboard of their own."""
    ended_h: float = Field(24.0, ge=0)
    """For how many hours after its end a job keeps its dashboard."""
    most_jobs: int = Field(1000, ge=0)
    """Dashboards of jobs at most; the newest jobs have them."""


class Http(_Section):
    """The server."""

    host: str = "127.0.0.1"
    port: int = Field(8077, ge=0, le=65535)
    queue: int = Field(32, ge=1)
    """Requests that may wait; one more is answered 503."""
    operators: Annotated[tuple[str, ...], NoDecode] = ()
    """Values of the identity header that are operators; in the environment separated by commas."""
    identity_header: str = ""
    """Header that a trusted proxy sets to the user's name (Grafana: X-Grafana-User); empty: loopback only."""
    proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses besides loopback whose identity header is believed; from any other it would be anybody's claim."""
    intake_token: SecretStr = SecretStr("")
    """What log shippers on other machines show to `/elastic/_bulk` as a password or bearer token; empty: none may."""
    origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Web origins besides this host's whose pages may ask directly (Grafana's `access: direct`)."""

    @field_validator("operators", "origins", "proxies", mode="before")
    @classmethod
    def _split(cls, names: object) -> object:
        return split(names)


class Settings(BaseSettings):
    """Everything a site sets; frozen. Below `app.py` values arrive as arguments."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix="WEFT_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    data: Path = Path("weft-data")
    """Folder below which the embedded engines live: inventory.db, logs/, whisper/."""
    site: Site = Site()
    metrics: Metrics = Metrics()
    carbon: Carbon = Carbon()
    graphite: Graphite = Graphite()
    inventory: Inventory = Inventory()
    neo4j: Neo4j = Neo4j()
    logs: Logs = Logs()
    elasticsearch: Elasticsearch = Elasticsearch()
    spool: Spool = Spool()
    dashboards: Dashboards = Dashboards()
    http: Http = Http()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file: the file's members are passed as init values."""
        return env_settings, init_settings

    @property
    def whisper_root(self) -> Path:
        """The whisper tree in use."""
        return self.metrics.path or self.data / "whisper"


def load_settings(config: Path | None = None, data: Path | None = None) -> Settings:
    """Read settings from a TOML file (or none) and the environment.

    Args:
        config: the TOML file; None: defaults and environment only.
        data: what the command line gave as --data; over file and environment.
    Raises:
        BadSettings: no such file, not TOML, an unknown key, a bad value; the message names it.
    """
    members: dict[str, Any] = {}
    if config is not None:
        try:
            members = tomllib.loads(config.read_text(encoding="utf-8"))
        except OSError as exc:
            raise BadSettings(
                f"{config} cannot be read: {exc.strerror}.", fix="Name another file with --config."
            ) from exc
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
            raise BadSettings(f"{config} is not TOML: {exc}.", fix="Mend the file.") from exc
    try:
        settings = Settings(**members)
    except ValidationError as exc:
        raise _bad(exc, config) from exc
    except SettingsError as exc:
        # Only site.host_names is read as JSON from one variable; pydantic's own text does not name the cause.
        raise BadSettings(f"{exc}.", fix=f"Give JSON there: {exc.__cause__}.") from exc
    _refuse_unknown(os.environ)
    return settings.model_copy(update={"data": data}) if data is not None else settings


def _bad(exc: ValidationError, config: Path | None) -> BadSettings:
    """The first complaint of pydantic, by the name of the setting."""
    first = exc.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        reason = "Weft has no such setting"
    variable = f"WEFT_{key.upper().replace('.', '__')}"
    place = variable if variable in os.environ or config is None else str(config)
    return BadSettings(f"Setting '{key}': {reason}.", fix=f"Mend it in {place}.")


def _refuse_unknown(names: Iterable[str]) -> None:
    """Raise BadSettings for a variable that looks like a setting and is none: pydantic would pass over it in silence.

    Variables of one word (WEFT_SOAK) belong to the tools around Weft and are left alone.
    """
    sections = {name for name, info in Settings.model_fields.items() if info.annotation in _Section.__subclasses__()}
    for name in sorted(names):
        section, separator, key = name.removeprefix("WEFT_").lower().partition("__")
        if not name.startswith("WEFT_") or (separator and section in sections):
            continue
        head, one_underscore, tail = section.partition("_")
        if one_underscore and head in sections and not separator:
            raise BadSettings(f"{name} is no setting.", fix=f"Write it WEFT_{head.upper()}__{tail.upper()}.")
        if separator:
            known = ", ".join(sorted(sections))
            raise BadSettings(
                f"{name}: Weft has no section '{section}' (nor '{key}' in it).", fix=f"Sections: {known}."
            )
