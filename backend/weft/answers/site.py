"""What every answer is made from."""

from dataclasses import dataclass
from datetime import tzinfo

from weft.base.config import Site as SiteSettings
from weft.inventory.store import CypherEngine, FabricHistory, JobHistory, Ledger
from weft.logs.store import LogStore
from weft.metrics.store import SeriesStore


@dataclass(frozen=True)
class Site:
    """The engines of one site, and how it names things. Answers keep their caches in objects made from this."""

    fabrics: FabricHistory
    jobs: JobHistory
    ledger: Ledger
    metrics: SeriesStore
    logs: LogStore
    settings: SiteSettings
    zone: tzinfo
    virtual_prefix: str = ""
    cypher: CypherEngine | None = None
    """None: the inventory is no graph."""
    patience_s: float | None = None
    """How long a request waits for what is made of the inventory for all; None: until it is made."""
