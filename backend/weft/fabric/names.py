"""How InfiniBand nodes are called: node descriptions as people and tools write them, and the names Weft makes of them.

Rules (matched case-insensitively, kept as written):
- A CA is `<host> <hca>`: `node001 mlx5_0`, `node001 HCA-1`, `node001 mlx4_0`, `node001 hfi1_0`. The host may be fully
  qualified. Anything else (`Mellanox Technologies Aggregation Node`, `MT25408 ConnectX`, an empty text) names no host.
- A managed Mellanox switch is `MF0;<name>:<model>/<unit>`; any other text is its own name.
"""

import re
from sys import intern
from typing import NamedTuple

from weft.fabric.model import NodeKind

_HOST = re.compile(r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s+(?P<hca>(?:mlx|mthca|hfi|qib|ipath|bnxt_re|irdma|ib)[a-z0-9_]*\d|HCA-\d+)$", re.IGNORECASE)  # fmt: skip # noqa: E501
_MANAGED_SWITCH = re.compile(r"MF0;(?P<name>[^:;]+):(?P<model>[^/]+)(?:/(?P<unit>\S+))?$")
# Looked for in the casefolded text: that takes a seventh of the time of IGNORECASE.
_FACTORY = re.compile(r"mt\d|connectx|infiniscale|technologies|aggregation node|switchib|switchx|quantum mellanox")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


class HostPort(NamedTuple):
    """The host an HCA sits in and the HCA's device name there."""

    host: str
    hca: str


def host_of(guid: str, description: str, table: dict[str, str] | None = None) -> HostPort | None:
    """The host and HCA that a CA's description names, None when it names none (never guessed).

    Args:
        table: the site's own mapping, by node description or by GUID; over every rule. The HCA is then what follows the
            first blank of the description, or `hca`.
    """
    text = description.strip()
    mapped = (table.get(text) or table.get(guid) or table.get(f"0x{guid}")) if table else None
    if mapped:
        found = _HOST.fullmatch(text)
        hca = found["hca"] if found else text.partition(" ")[2].strip().replace(" ", "_")
        return HostPort(mapped, hca or "hca")
    return _by_rule(text)


def _by_rule(text: str) -> HostPort | None:
    found = _HOST.fullmatch(text)
    if found is None or factory_made(text):
        return None
    # The same texts in every picture of a fabric.
    return HostPort(intern(found["host"]), intern(found["hca"]))


def factory_made(description: str) -> bool:
    """True for a description nobody has set: it names a product, not a machine."""
    return not description.strip() or _FACTORY.search(description.casefold()) is not None


def switch_name(guid: str, description: str) -> str:
    """What people call a switch: `leaf01` of `MF0;leaf01:MSB7800/U1`; a factory description with its GUID behind."""
    text = description.strip()
    if found := _MANAGED_SWITCH.fullmatch(text):
        return found["name"]
    return guid if factory_made(text) else text


def node_label(kind: NodeKind, guid: str, description: str) -> str:
    """A node in a sentence: a switch's name, a CA's description, the GUID when neither says anything."""
    if kind is NodeKind.SWITCH:
        return switch_name(guid, description)
    return description.strip() or guid


def safe(name: str) -> str:
    """The name as one node of a metric path: `[A-Za-z0-9_-]`, anything else becomes one underscore."""
    return _UNSAFE.sub("_", name).strip("_") or "_"
