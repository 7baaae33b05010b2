"""What a counter counts in, and in what else it can be told: the tags `unit` and `mtype` of metrics 2.0."""

from typing import NamedTuple

from weft.fabric.counters import COUNTERS, PERFMGR

WORD_BYTES = 4
"""PortXmitData and PortRcvData count 4-octet words: IBA volume 1, 16.1.3.5."""

UNIT_TAGS = frozenset({"unit", "mtype"})


class Form(NamedTuple):
    """A way to tell a counter: its unit ("": not known), its kind, and how stored values become it (see
    VirtualSeries)."""

    unit: str
    mtype: str
    factor: float = 1.0
    rate: bool = False

    @property
    def tags(self) -> dict[str, str]:
        """The form as tags; what is not known is none."""
        return {"mtype": self.mtype, "unit": self.unit} if self.unit else {"mtype": self.mtype}


def forms_of(counter: str) -> tuple[Form, ...]:
    """Every form of a counter of a port, the stored one first.

    The rate of data is in bytes. Ticks are the device's own clock, so their rate is none that a second could be taken
    out of.
    """
    known = COUNTERS.get(counter.removesuffix(PERFMGR))
    if known is None:
        return (Form("", "counter"),)
    stored = Form(known.unit, "counter")
    if known.unit == "words":
        return stored, Form("B", "counter", WORD_BYTES), Form("B/s", "rate", WORD_BYTES, True)
    return stored, Form(f"{known.unit}/s", "rate", 1.0, True)
