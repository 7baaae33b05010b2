"""The answer of UFM to `GET /ufmRest/resources/links`: every cable between two ports.

Source: NVIDIA, UFM Enterprise REST API Guide, Links REST API (6.11 to 6.22). `name` is `GUID_PORT:GUID_PORT`, in no
fixed order; each GUID is an HCA port's, a switch's own. `source_guid` and `destination_guid` are those of the systems,
of a host that of one of its HCAs: not read. Neither speed nor ports that are down are told, and an answer can be asked
for one system only, so nothing that is missing in it is called gone.
"""

import re
from collections import defaultdict
from typing import Any

import orjson

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted
from weft.fabric.formats.cable_list import known, metres
from weft.fabric.formats.discovery import HIGHEST_PORT, Seen, guid_of, links_of
from weft.fabric.model import Module, Node, NodeKind, PortKey, Sweep
from weft.fabric.places import PortRef, UnplacedSweep

AGAIN = "Ask UFM again for /ufmRest/resources/links and import its whole answer."

_END = r"(?P<{0}guid>[\da-fA-F]{{16}})_(?P<{0}port>\d{{1,3}})"
_NAME = re.compile(rf"(?a){_END.format('a_')}:{_END.format('b_')}")
_WIDTH = re.compile(r"(?a)(?:IB_)?(?P<lanes>\d{1,2})[xX]")


def recognise(head: str) -> bool:
    """True for a list of objects with the two GUIDs of a link."""
    return head.lstrip()[:1] == "[" and '"source_guid"' in head and '"destination_guid"' in head


def parse(text: str, origin: Origin) -> Reading[UnplacedSweep]:
    """Read an answer. It tells no time.

    Raises:
        BadInput: no JSON, no list, a link without its two ports.
    """
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise BadInput(f"it is no whole JSON ({exc.msg}).", fix=AGAIN, line=exc.lineno) from exc
    if not isinstance(told, list) or not told:
        raise BadInput("a list of links was expected.", fix=AGAIN)
    ends: dict[PortKey, Seen] = {}
    modules: list[Module] = []
    for number, link in enumerate(told, 1):
        a, b = _ports(link, number)
        found = _WIDTH.fullmatch(str(link.get("width")))
        width = f"{found['lanes']}X" if found else None
        for here, far in ((a, b), (b, a)):
            if ends.setdefault(here, Seen(number, far, width)).peer != far:
                raise BadInput(f"link {number}: port {here} is in another link already.", fix=AGAIN)
        modules += _modules(link.get("cable_info"), a, b)
    links, notices = links_of(ends)
    ports: dict[str, set[int]] = defaultdict(set)
    for port in ends:
        ports[port.guid].add(port.number)
    stand_ins = {
        guid: PortRef(None, guid, None, "", min(numbers) if len(numbers) == 1 else None)
        for guid, numbers in ports.items()
    }
    sweep = Sweep.of(
        origin.fabric,
        origin.seen_at_ms,
        FORMAT.name,
        [Node(guid, NodeKind.SWITCH if len(numbers) > 1 else NodeKind.CA, "", 0) for guid, numbers in ports.items()],
        links,
        (),
        modules=modules,
        complete=False,
    )
    text = f"{counted(len(links), 'link')}"
    return Reading(UnplacedSweep(sweep, stand_ins), text, origin.seen_at_ms, dated=False, notices=tuple(notices))


def _ports(link: Any, number: int) -> tuple[PortKey, PortKey]:
    match = _NAME.fullmatch(str(link.get("name"))) if isinstance(link, dict) else None
    if match is None:
        raise BadInput(f'link {number}: `"name": "GUID_PORT:GUID_PORT"` was expected.', fix=AGAIN)
    a, b = (PortKey(guid_of(match[f"{end}guid"], number), int(match[f"{end}port"])) for end in ("a_", "b_"))
    for port in (a, b):
        if not 1 <= port.number <= HIGHEST_PORT:
            raise BadInput(f"link {number}: a port has a number from 1 to {HIGHEST_PORT}.", fix=AGAIN)
    return a, b


def _modules(info: Any, a: PortKey, b: PortKey) -> list[Module]:
    """One serial number is told for a cable; it is in both of its ends."""
    if not isinstance(info, dict):
        return []
    names = ("vendor", "part_number", "serial_number")
    vendor, part, serial = (known(str(info.get(name) or "")) for name in names)
    if not serial:
        return []
    length_m = metres(str(info.get("length") or ""))
    return [Module(port, vendor, part, serial, length_m) for port in (a, b)]


FORMAT: Format[UnplacedSweep] = Format("ufm links", "UFM's list of links", recognise, parse, refers=True)
